"""What `run.py` is made of: subjects (`scene`), measurements (`steady`, `streaming`, `life`, `control`), and the verdict."""

"""`run.py` finds its harness because it lies beside it; tests are told where."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

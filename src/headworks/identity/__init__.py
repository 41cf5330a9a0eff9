"""Who may call: organisations, their projects, and the keys of both. Everything else asks here by `facade`."""

"""The catalog: providers, their deployments, the names that callers use for them, and what each costs."""

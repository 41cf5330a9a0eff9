"""The audit trail as people read it: every context's own trail in one list, exported, and checked for tampering."""

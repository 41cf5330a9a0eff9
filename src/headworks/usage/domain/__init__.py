"""Pure rules of usage: which events can be stored, what they cost, what they add up to."""

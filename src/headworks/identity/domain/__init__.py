"""The rules of identity: keys, passwords, second factors, tokens, tries at the door."""

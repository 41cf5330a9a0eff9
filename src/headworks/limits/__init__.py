"""Rate limits: how many requests and tokens, and how much spending, in a minute, an hour or a day; and how many requests at once."""

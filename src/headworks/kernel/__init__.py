"""What every context stands on: ids, clock, money, errors, secrets, events, telemetry, database, web. Knows no context."""

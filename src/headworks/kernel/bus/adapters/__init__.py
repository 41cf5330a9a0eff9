"""The buses: in memory, in an SQLite file, on RabbitMQ. Only bootstrap imports them."""

"""Where concrete things meet: the environment, the settings, the container of adapters, the application."""

"""What holds for every test."""

from hypothesis import HealthCheck, settings

# Machines differ and are shared: no example fails for being slow. Tests empty what examples share.
quiet = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
settings.register_profile("tidings", deadline=None, suppress_health_check=quiet)
settings.load_profile("tidings")

"""The words every part of Tidings shares: types, settings, errors, clock, metrics, text."""

__version__ = "0.1.0"

"""MLflow's runs and registered models, read without importing MLflow.

Importing MLflow takes seconds and 150 MB. Commands that only read, and the process of the digit
service that follows the registry, read through `reader.open_reader` instead.
"""

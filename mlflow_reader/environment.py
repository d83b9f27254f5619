"""What MLflow's client reads of the environment, for those who check it without importing more."""

LARGEST = 1_000_000  # retries or seconds
# Who may sign a server's certificate; the first that is set counts, as in MLflow's client.
CERTIFICATES = ("MLFLOW_TRACKING_SERVER_CERT_PATH", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")

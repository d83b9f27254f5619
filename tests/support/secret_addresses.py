"""Addresses with a user name, a password or a token, as registries and databases have them."""

SECRET = "s3cret"
ADDRESSES = [
    f"http://admin:{SECRET}@127.0.0.1:9",
    f"postgresql+psycopg://admin:{SECRET}@db:5432/mlflow?sslmode=require",
    f"mysql://admin:{SECRET}%40x@db/mlflow",
    f"https://mlflow.example/?token={SECRET}",
    f"postgresql+psycopg://admin:{SECRET}[x@db/feedback",
]

"""`make build` and `make deploy`: from this folder into an AWS account."""

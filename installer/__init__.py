"""`make build`, `make deploy` and `make package`: from this folder into an AWS account."""

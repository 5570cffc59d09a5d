"""The console of `make local`: a page that shows requests, and buttons that send them and cause faults."""

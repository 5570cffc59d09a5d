"""The console of `make local`: a page that shows requests wait, drain and end, and buttons that send and spoil them."""

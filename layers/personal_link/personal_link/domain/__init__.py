"""What a request and its outcome are. No I/O, and no import of another room."""

"""AWS on a laptop: the emulator, the stack on it, and callers of its API."""

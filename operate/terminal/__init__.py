"""What every command prints and reads alike."""

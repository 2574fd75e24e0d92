"""Nothing of the subject: checks at the door, small array tools, memory, optional packages."""

"""Lane 3: what a device can do, and how long a program takes on it."""

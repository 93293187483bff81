"""`python -m jaxflops` is the command `jaxflops`."""

from jaxflops.cli import entry

if __name__ == "__main__":
    entry()

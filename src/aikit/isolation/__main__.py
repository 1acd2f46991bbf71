"""`python -m aikit.isolation`: the child's side. Nobody starts it by hand."""

from .child import main

if __name__ == "__main__":
    main()

"""The built-in plugins; they enter by entry points, like anyone's."""

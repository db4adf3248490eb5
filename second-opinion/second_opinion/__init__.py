"""Firebreak's own templates, packages and command on MiniStack, an emulator that others wrote: an opinion, never AWS."""

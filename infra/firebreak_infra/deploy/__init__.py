"""Deploys the templates with `aws` and `sam`, shows what would change before it does, and takes them away again."""

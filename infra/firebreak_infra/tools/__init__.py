"""The tools that look at the templates, each as a process of its own and each answering with problems."""

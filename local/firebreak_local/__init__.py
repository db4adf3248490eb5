"""Firebreak's local AWS: one process that runs the real state machine and the real functions on one machine.

moto emulates the services and brings a real Step Functions interpreter; this package adds what moto has not:
functions served from compiled binaries, EventBridge and SQS to Lambda, recorded calls and faults.
"""

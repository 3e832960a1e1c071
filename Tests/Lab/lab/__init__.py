"""The laboratory: sound servers without sound cards, peers of the wire, and a meter.

Only the standard library, numpy and scipy. Nothing here touches the user's own sound server: every
server gets a runtime directory of its own, and every process is ended by its id.
"""

"""The network in Keras: encoder, classifier, training, export. Only this room imports Keras."""

"""Element-wise sequence clustering: every element of a sequence gets its cluster's rank by first appearance.

Published, a question and its own answer: one-hot letters, an LSTM of 16 units that returns its whole sequence of
states, a softmax on each; categorical cross-entropy; RMSprop, batches of 8, 70 epochs; 20 % of 1000 sequences for
validation. Inferred: Keras's defaults of RMSprop (1e-3, 0.9). The LSTM reads forwards, so an element's cluster can't
depend on later ones.

Deviations. Gates are sigmoids; Keras's LSTM had hard ones by default until TensorFlow 2. And torch's has two biases
where Keras's has one, so that a gate's bias takes RMSprop's step twice, and 4 · `units` parameters more are counted.
Keras's initialisation is kept (Glorot, orthogonal, open forget gates).
Budget: `epochs` passes over the problems in batches of `batch` of one length.
"""

import torch

from .base import store
from .supervised import SupervisedClusterer, dense, lstm

TITLE = "element-wise LSTM"


class ElementWise(SupervisedClusterer):
    """An LSTM that labels elements.

    Parameters
    ----------
    units : int
        Of the LSTM (published: 16).
    learning_rate : float
        Of RMSprop.
    batch, epochs : int
        Published: 8 and 70.
    device : str
    random_state : int or None
    """

    ordered = True

    def __init__(self, units=16, learning_rate=1e-3, batch=8, epochs=70, device="cpu", random_state=None):
        store(locals())

    def _build(self, X):
        layers = {"lstm": lstm(X.objects.dimensions, self.units), "softmax": dense(self.units, self.n_clusters_)}
        return torch.nn.ModuleDict(layers)

    def _optimizer(self, parameters):
        return torch.optim.RMSprop(parameters, lr=self.learning_rate, alpha=0.9, eps=1e-7)

    def _logits(self, objects):
        """Unnormalised log-probabilities of the clusters, (B, n, k)."""
        return self._network["softmax"](self._network["lstm"](objects)[0])

    def _terms(self, objects, clusters):
        logits = self._logits(objects)
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), clusters.flatten())
        return {"loss": loss, "accuracy": (logits.argmax(dim=2) == clusters).float().mean()}

    def _clusters(self, objects):
        return self._logits(objects).argmax(dim=2)

"""Agglomerative clustering with Ward's criterion (Ward 1963), scikit-learn's implementation.

The paper names "hierarchical clustering with Ward linkage" without more; Ward's criterion leaves nothing to set.
Nothing is random and there is no loss, so one run stands for all seeds. A test split that wasn't clustered is scored by
the rule of `TransductiveClusterer`; the reading recommended clusters it by itself (`trained_on: test`).
"""

from sklearn.cluster import AgglomerativeClustering

from .base import TransductiveClusterer, alike, store

TITLE = "Ward"


class Ward(TransductiveClusterer):
    """Ward linkage.

    Parameters
    ----------
    n_clusters : int
    random_state : int or None
        Unused: nothing here is random.
    """

    deterministic = True
    threads = 1

    def __init__(self, n_clusters=8, random_state=None):
        store(locals())

    def fit(self, X, y=None):
        """Cluster vectors of shape (n, D), n at least 2."""
        X = self._check(X, reset=True)
        linkage = AgglomerativeClustering(self.n_clusters, linkage="ward")
        self.labels_ = alike(linkage.fit_predict(X), X)
        self._training_vectors = X
        return self

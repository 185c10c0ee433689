"""The clustering loss of Deep Divergence-based Clustering, shared by DDC and RDDC, for several seeds at once.

Kampffmeyer et al., *Deep divergence-based approach to clustering*, Neural Networks 2019 (DDC); Trosten et al., ICASSP
2019 (RDDC). In every function `h` is the hidden representation, shape (S, B, units), and `A` the cluster assignments,
shape (S, B, k), of one batch of B sequences for each of S seeds; every result has one number a seed, shape (S,).
"""

import numpy as np
import torch

# Floor of numerator and denominator, as in the authors' later public code.
EPSILON = 1e-9


def squared_distances(x):
    """Squared Euclidean distance of every pair, shape (S, B, B)."""
    squares = x.square().sum(-1)
    products = torch.baddbmm(squares[:, None, :], x, x.transpose(1, 2), alpha=-2)
    return (products + squares[:, :, None]).clamp_min(0)


def median_off_diagonal(distances):
    """Median distance of two different sequences, the lower of the middle two, by partition: shape (S,)."""
    if distances.is_cuda:
        return median_on_gpu(distances)
    # NumPy's partition is much faster than torch's kthvalue on a CPU.
    rank = median_rank(distances.shape[1])
    return torch.from_numpy(np.partition(distances.flatten(1).numpy(), rank - 1, axis=1)[:, rank - 1].copy())


def median_on_gpu(distances):
    """The same by torch, whose selection is fast on a GPU."""
    return distances.flatten(1).kthvalue(median_rank(distances.shape[1])).values


def median_rank(n):
    """Place of the median among all entries: the n zeros of the diagonal are among the smallest."""
    return n + (n * n - n + 1) // 2 if n > 1 else 1


def median_of_all(distances):
    """Median of all entries, the zero diagonal among them, and between the middle two: shape (S,)."""
    ordered = distances.flatten(1).sort(dim=1).values
    n = ordered.shape[1]
    return (ordered[:, (n - 1) // 2] + ordered[:, n // 2]) / 2


def kernel_matrix(h, kernel_width, relative_width):
    """Gaussian kernel K_ij = exp(-‖h_i - h_j‖² / 2σ²), shape (S, B, B).

    Parameters
    ----------
    kernel_width : {"median_squared_distance", "median_of_all", "median_distance"}
        σ² = `relative_width` · median of the squared distances, of different sequences or of all pairs (see
        `median_of_all`); or σ = `relative_width` · median of the distances. Each is recomputed for every batch and
        constant in the backward pass. The authors' later code counts the zero diagonal in.
    """
    distances = squared_distances(h)
    with torch.no_grad():
        median = (median_of_all if kernel_width == "median_of_all" else median_off_diagonal)(distances)
        # The square of a median distance is the median of the squares.
        variance = median * (relative_width**2 if kernel_width == "median_distance" else relative_width)
        scale = -0.5 / variance.clamp_min(EPSILON)
    return torch.exp(distances * scale[:, None, None])


def mean_over_pairs(matrix):
    """Mean of the entries above the diagonal of symmetric (S, k, k) matrices."""
    k = matrix.shape[-1]
    return (matrix.sum((1, 2)) - matrix.diagonal(dim1=1, dim2=2).sum(-1)) / (k * (k - 1))


def cauchy_schwarz(K, *memberships, added=None):
    """Mean over pairs of a_iᵀ K a_j / sqrt(a_iᵀ K a_i · a_jᵀ K a_j), a_i the columns of A (L1, and L3 with m_i).

    Each of the `memberships` is an A, (S, B, k), and gives a Tensor (S,); the kernel matrix is read once for all.
    Numerator and denominator have a floor, or `added` is added to the product under the root instead.
    """
    widths = [A.shape[-1] for A in memberships]
    smoothed = (K @ torch.cat(memberships, dim=-1)).split(widths, dim=-1)
    similarities = []
    for A, KA in zip(memberships, smoothed, strict=True):
        products = A.transpose(1, 2) @ KA
        own = products.diagonal(dim1=1, dim2=2)
        squares = own[:, :, None] * own[:, None, :]
        if added is None:
            products, squares = products.clamp_min(EPSILON), squares.clamp_min(EPSILON**2)
        else:
            squares = squares + added
        similarities.append(mean_over_pairs(products / squares.sqrt()))
    return similarities


def orthogonality(A, form):
    """How far assignments are from orthogonal (L2).

    Parameters
    ----------
    form : {"memberships", "memberships_sum", "clusters", "clusters_mean"}
        ``memberships``: mean over pairs of rows of A, as in DDC (AAᵀ), or their sum; ``clusters``: mean over pairs of
        columns, as RDDC words it (AᵀA); ``clusters_mean``: the latter divided by the batch size.
    """
    if form.startswith("memberships"):
        n = A.shape[1]
        # Σ_{i≠j} α_iᵀ α_j = ‖Σ α_i‖² - Σ ‖α_i‖², without an n × n matrix.
        return (A.sum(1).square().sum(-1) - A.square().sum((1, 2))) / (2 if form.endswith("sum") else n * (n - 1))
    overlap = mean_over_pairs(A.transpose(1, 2) @ A)
    return overlap / A.shape[1] if form == "clusters_mean" else overlap


def simplex_similarity(A):
    """m_qj = exp(-‖α_q - e_j‖²), e_j the corners of the simplex: shape (S, B, k)."""
    return torch.exp(2 * A - A.square().sum(-1, keepdim=True) - 1)


def divergence_terms(
    h, A, *, kernel_width, relative_width, orthogonality_form, orthogonality_weight, simplex_weight, added=None
):
    """The three terms of the loss, weighted.

    Returns
    -------
    dict of str to Tensor of shape (S,)
        ``divergence`` (L1), ``orthogonality`` (λ2 · L2) and ``simplex`` (λ3 · L3).
    """
    K = kernel_matrix(h, kernel_width, relative_width)
    divergence, simplex = cauchy_schwarz(K, A, simplex_similarity(A), added=added)
    return {
        "divergence": divergence,
        "orthogonality": orthogonality_weight * orthogonality(A, orthogonality_form),
        "simplex": simplex_weight * simplex,
    }

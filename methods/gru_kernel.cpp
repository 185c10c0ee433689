// A bidirectional GRU of several layers over ragged sequences, forward and backward, for one seed on one thread.
//
// Sequences come sorted by falling length. A tile of neighbours walks through time together and shares every load of the
// weights; as the shorter ones end, the tile narrows, so nothing is padded. All products with weights happen here, in
// registers: input and recurrent products of a step are one sum, and the backward pass collects some rows of gradients
// before it turns them into weight gradients, while they are still in the cache.
//
// Element t of sequence s is row first[s] + t of what the kernel writes, and row begin[s] + t of the caller's data; its final
// states are row slot[s]. The backward direction reads a sequence from its last element to its first. Gates are in torch's
// order r, z, n. A tile goes through all layers, forward or backward, before the next one does: what a layer reads of the
// one before it is then still in the cache.

#include <algorithm>
#include <cstdint>
#include <cstring>

#if defined(__SSE__)
#include <immintrin.h>
// Denormal numbers cost a hundred cycles each and mean nothing here; the caller's setting comes back afterwards.
struct FlushDenormals {
    const unsigned before = _mm_getcsr();
    FlushDenormals() { _mm_setcsr(before | 0x8040); }
    ~FlushDenormals() { _mm_setcsr(before); }
};
#else
struct FlushDenormals {
    FlushDenormals() {}
};
#endif

// W: floats of a vector. UP, DOWN: sequences of a forward and a backward tile. LEFT: inputs whose weight gradients are
// summed at once. Each makes the accumulators fill the registers: 32 of them with AVX-512, else 16.
#if defined(__AVX512F__)
constexpr int W = 16, UP = 6, DOWN = 8, LEFT = 8;
#elif defined(__AVX2__)
constexpr int W = 8, UP = 3, DOWN = 6, LEFT = 4;
#else
constexpr int W = 4, UP = 3, DOWN = 6, LEFT = 4;
#endif
constexpr int CHUNK = 128;  // rows of gradients that are collected before they become weight gradients

typedef float vec __attribute__((vector_size(4 * W)));
typedef int32_t ivec __attribute__((vector_size(4 * W)));

static inline vec load(const float *p) { vec v; memcpy(&v, p, sizeof v); return v; }
static inline void store(float *p, vec v) { memcpy(p, &v, sizeof v); }

// Rows that will be needed so many steps later are asked for now: a tile touches more streams than the hardware foresees.
constexpr int AHEAD = 2;
template <int WRITE>
static inline void prefetch(const float *p, int floats) {
    for (int i = 0; i < floats; i += 16) __builtin_prefetch(p + i, WRITE);
}

// What the backward pass alone will read goes past the caches where a vector is a line of them: it is more than they hold,
// and would drive out everything else. `p` is aligned to a vector.
#if defined(__AVX512F__)
static inline void store_for_later(float *p, vec v) { _mm512_stream_ps(p, v); }
static inline void expect_for_later(const float *, int) {}
static inline void finish_stores() { _mm_sfence(); }
#else
static inline void store_for_later(float *p, vec v) { store(p, v); }
static inline void expect_for_later(const float *p, int floats) { prefetch<1>(p, floats); }
static inline void finish_stores() {}
#endif

#if defined(__AVX512F__)
// In both, the second operand is what comes back when there is a NaN.
static inline vec clamp(vec x) { return _mm512_max_ps(_mm512_set1_ps(-126), _mm512_min_ps(_mm512_set1_ps(126), x)); }
static inline vec reciprocal(vec x) {
    const vec guess = _mm512_rcp14_ps(x);
    return guess * (2.0f - x * guess);
}
#else
static inline vec clamp(vec x) {
    x = x < -126.0f ? -126.0f + vec{} : x;
    return x > 126.0f ? 126.0f + vec{} : x;
}
static inline vec reciprocal(vec x) { return 1.0f / x; }
#endif

// 2^x to about 1e-7 relative error: 2^n times a polynomial of the rest (least largest relative error in [-1/2, 1/2], made
// by Lawson's algorithm); NaN stays NaN.
static inline vec power_of_two(vec x) {
    x = clamp(x);
    const vec shifted = x + 12582912.0f;  // adding 1.5 * 2^23 rounds to an integer
    const vec f = x - (shifted - 12582912.0f);
    vec p = f * 1.32647273e-3f + 9.671513e-3f;
    p = p * f + 5.5507336e-2f;
    p = p * f + 0.24022242f;
    p = p * f + 0.693147f;
    p = p * f + 1.0f;
    ivec bits;
    memcpy(&bits, &shifted, sizeof bits);
    const ivec scale = (bits << 23) + (127 << 23);  // the integer sits in the low bits of the shifted number
    vec power;
    memcpy(&power, &scale, sizeof power);
    return p * power;
}

constexpr float LOG2E = 1.44269504f;
static inline vec sigmoid(vec x) { return reciprocal(1.0f + power_of_two(x * -LOG2E)); }
static inline vec hyperbolic_tangent(vec x) { return 1.0f - 2.0f * reciprocal(1.0f + power_of_two(x * (2 * LOG2E))); }

#define INLINE static inline __attribute__((always_inline))

// a, b, c [s] += sum over k of in[s][k] * weights[k][0 .. W), weights[k][H ..) and weights[k][2H ..): one vector of each gate.
template <int S, int GATES>
INLINE void gate_sums(vec *a, vec *b, vec *c, const float *const *in, int K, const float *weights, int H) {
    for (int k = 0; k < K; k++, weights += 3 * H) {
        const vec r = load(weights), z = GATES > 1 ? load(weights + H) : r, n = GATES > 2 ? load(weights + 2 * H) : r;
#pragma GCC unroll 8
        for (int s = 0; s < S; s++) {
            const float v = in[s][k];  // a scalar: adding it to a zero vector would cost two instructions more
            a[s] += v * r;
            if (GATES > 1) b[s] += v * z;
            if (GATES > 2) c[s] += v * n;
        }
    }
}

// out[s][0 .. V * W) += sum over k of in[s][k] * weights[k][0 .. V * W), the rows of `in` lying `stride` apart.
template <int S, int V>
INLINE void row_sums(float *const *out, int skip, const float *in, int64_t stride, int K, const float *weights, int columns) {
    vec sum[S][V];
#pragma GCC unroll 8
    for (int s = 0; s < S; s++)
        for (int v = 0; v < V; v++) sum[s][v] = load(out[s] + skip + v * W);
    for (int k = 0; k < K; k++, weights += columns) {
        vec w[V];
        for (int v = 0; v < V; v++) w[v] = load(weights + v * W);
#pragma GCC unroll 8
        for (int s = 0; s < S; s++)
            for (int v = 0; v < V; v++) sum[s][v] += in[s * stride + k] * w[v];
    }
#pragma GCC unroll 8
    for (int s = 0; s < S; s++)
        for (int v = 0; v < V; v++) store(out[s] + skip + v * W, sum[s][v]);
}

template <int S>
static void add_rows(float *const *out, const float *in, int64_t stride, int K, const float *weights, int columns) {
    int c = 0;
    for (; c + 2 * W <= columns; c += 2 * W) row_sums<S, 2>(out, c, in, stride, K, weights + c, columns);
    if (c < columns) row_sums<S, 1>(out, c, in, stride, K, weights + c, columns);
}

// The same for any number of rows up to DOWN.
static void add_products(int rows, float *const *out, const float *in, int64_t stride, int K, const float *weights,
                         int columns) {
    switch (rows) {
        case 1: return add_rows<1>(out, in, stride, K, weights, columns);
        case 2: return add_rows<2>(out, in, stride, K, weights, columns);
        case 3: return add_rows<3>(out, in, stride, K, weights, columns);
        case 4: return add_rows<4>(out, in, stride, K, weights, columns);
        case 5: return add_rows<5>(out, in, stride, K, weights, columns);
#if defined(__AVX512F__)
        case 6: return add_rows<6>(out, in, stride, K, weights, columns);
        case 7: return add_rows<7>(out, in, stride, K, weights, columns);
#endif
        default: return add_rows<DOWN>(out, in, stride, K, weights, columns);
    }
}

// out[m][gate] += sum over rows i of in[i][m] * d[i][gate], for M inputs and one vector of the gates FROM to TO.
template <int M, int FROM, int TO>
INLINE void outer_sums(int rows, const float *const *in, int k, const float *const (&d)[3], int64_t stride, float *out, int H) {
    vec sum[M][3] = {};
    for (int i = 0; i < rows; i++) {
        const float *left = in[i] + k;
        vec right[3];
        for (int g = FROM; g < TO; g++) right[g] = load(d[g] + i * stride);
#pragma GCC unroll 8
        for (int m = 0; m < M; m++)
            for (int g = FROM; g < TO; g++) sum[m][g] += left[m] * right[g];
    }
#pragma GCC unroll 8
    for (int m = 0; m < M; m++)
        for (int g = FROM; g < TO; g++) {
            float *to = out + (m * 3 + g) * H;
            store(to, load(to) + sum[m][g]);
        }
}

// out (K, 3H) += inᵀ d for the gates FROM to TO; those of n begin at `n_column` of d.
template <int FROM, int TO>
static void add_outer(int rows, const float *const *in, int K, const float *d, int n_column, float *out, int H) {
    for (int u = 0; u < H; u += W) {
        const float *const gates[3] = {d + u, d + H + u, d + n_column + u};
        float *to = out + u;
        int k = 0;
        for (; k + LEFT <= K; k += LEFT, to += LEFT * 3 * H) outer_sums<LEFT, FROM, TO>(rows, in, k, gates, 4 * H, to, H);
        switch (K - k) {
            case 1: outer_sums<1, FROM, TO>(rows, in, k, gates, 4 * H, to, H); break;
            case 2: outer_sums<2, FROM, TO>(rows, in, k, gates, 4 * H, to, H); break;
            case 3: outer_sums<3, FROM, TO>(rows, in, k, gates, 4 * H, to, H); break;
#if defined(__AVX512F__)
            case 4: outer_sums<4, FROM, TO>(rows, in, k, gates, 4 * H, to, H); break;
            case 5: outer_sums<5, FROM, TO>(rows, in, k, gates, 4 * H, to, H); break;
            case 6: outer_sums<6, FROM, TO>(rows, in, k, gates, 4 * H, to, H); break;
            case 7: outer_sums<7, FROM, TO>(rows, in, k, gates, 4 * H, to, H); break;
#endif
        }
    }
}

static void transpose(const float *from, int rows, int columns, float *to) {
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++) to[(int64_t)j * rows + i] = from[(int64_t)i * columns + j];
}

struct Step {  // where the sequences of a tile read and write at one step
    const float *x[UP], *before[UP];
    float *after[UP], *gates[UP];
};

struct Weights {  // of one direction of one layer: W (d, 3H) and U (H, 3H) transposed, biases (3H)
    const float *input, *recurrent, *input_bias, *recurrent_bias;
};

// One step of S sequences. Gates (4H a row): r, z, n, and what the backward pass needs of the recurrent product: U_n h + b_n,
// or r * h where the reset gate comes before the product.
template <int S, bool BEFORE>
static void step_forward(const Step &step, const Weights &w, int d, int H) {
    for (int u = 0; u < H; u += W) {
        vec r[S], z[S], n[S], q[S];
        for (int s = 0; s < S; s++) {
            r[s] = load(w.input_bias + u) + load(w.recurrent_bias + u);
            z[s] = load(w.input_bias + H + u) + load(w.recurrent_bias + H + u);
            n[s] = load(w.input_bias + 2 * H + u);
            q[s] = load(w.recurrent_bias + 2 * H + u);
        }
        gate_sums<S, 3>(r, z, n, step.x, d, w.input + u, H);
        gate_sums<S, BEFORE ? 2 : 3>(r, z, q, step.before, H, w.recurrent + u, H);
#pragma GCC unroll 8
        for (int s = 0; s < S; s++) {
            float *g = step.gates[s] + u;
            const vec old = load(step.before[s] + u), rs = sigmoid(r[s]), zs = sigmoid(z[s]);
            if (BEFORE) {
                store(g, rs);
                store(g + H, zs);
                store(g + 2 * H, n[s] + q[s]);
                store(g + 3 * H, rs * old);
                continue;
            }
            store_for_later(g, rs);
            store_for_later(g + H, zs);
            const vec c = hyperbolic_tangent(n[s] + rs * q[s]);
            store_for_later(g + 2 * H, c);
            store_for_later(g + 3 * H, q[s]);
            store(step.after[s] + u, c + zs * (old - c));
        }
    }
    for (int u = 0; BEFORE && u < H; u += W) {
        const float *reset[S];
        vec n[S];
        for (int s = 0; s < S; s++) {
            reset[s] = step.gates[s] + 3 * H;
            n[s] = load(step.gates[s] + 2 * H + u);
        }
        gate_sums<S, 1>(n, n, n, reset, H, w.recurrent + 2 * H + u, H);
        for (int s = 0; s < S; s++) {
            const vec c = hyperbolic_tangent(n[s]), old = load(step.before[s] + u);
            store(step.gates[s] + 2 * H + u, c);
            store(step.after[s] + u, c + load(step.gates[s] + H + u) * (old - c));
        }
    }
}

template <bool BEFORE>
static void steps_forward(int active, const Step &step, const Weights &w, int d, int H) {
    switch (active) {
        case 1: return step_forward<1, BEFORE>(step, w, d, H);
        case 2: return step_forward<2, BEFORE>(step, w, d, H);
#if defined(__AVX512F__)
        case 3: return step_forward<3, BEFORE>(step, w, d, H);
        case 4: return step_forward<4, BEFORE>(step, w, d, H);
        case 5: return step_forward<5, BEFORE>(step, w, d, H);
#endif
        default: return step_forward<UP, BEFORE>(step, w, d, H);
    }
}

struct Batch {
    int n, H;
    const int64_t *first, *length, *slot;
    bool reverse;
    int64_t element(int s, int64_t t) const { return reverse ? length[s] - 1 - t : t; }
    int64_t step() const { return reverse ? -1 : 1; }
};

// The sequences from `tile` on through one direction of one layer. x (., d) with sequence s at row begin[s]; states (N, 2H)
// from this direction's column on; gates (N, 4H); final: rows of `final_stride`. zeros (H): the state before the first step.
template <bool BEFORE>
static void tile_forward(const Batch &batch, int tile, const float *x, const int64_t *begin, int d, const Weights &weights,
                         float *states, float *gates, float *final, int64_t final_stride, const float *zeros) {
    const int H = batch.H, most = std::min(UP, batch.n - tile);
    int active = most;
    Step step;
    for (int s = 0; s < active; s++) step.after[s] = const_cast<float *>(zeros);
    for (int64_t t = 0; t < batch.length[tile]; t++) {
        while (batch.length[tile + active - 1] <= t) active--;
        for (int s = 0; s < active; s++) {
            const int64_t at = batch.element(tile + s, t), row = batch.first[tile + s] + at;
            step.x[s] = x + (begin[tile + s] + at) * d;
            step.before[s] = step.after[s];
            step.after[s] = states + row * 2 * H;
            step.gates[s] = gates + row * 4 * H;
            expect_for_later(step.gates[s] + batch.step() * AHEAD * 4 * H, 4 * H);
        }
        steps_forward<BEFORE>(active, step, weights, d, H);
    }
    for (int s = tile; s < tile + most; s++) {
        const int64_t row = batch.first[s] + batch.element(s, batch.length[s] - 1);
        memcpy(final + batch.slot[s] * final_stride, states + row * 2 * H, sizeof(float) * H);
    }
}

struct Gradients {  // of one direction of one layer: weights transposed as in Weights, and the biases' four sums (4H)
    float *input, *recurrent, *bias;
};

struct Collected {  // rows of gate gradients, and what they belong to
    int rows = 0;
    float *d;  // (CHUNK + DOWN, 4H): r, z, n as the input's product sees it, n as the recurrent product sees it
    const float *x[CHUNK + DOWN], *before[CHUNK + DOWN], *reset[CHUNK + DOWN];
    float *d_x[CHUNK + DOWN];
};

// Turn the collected rows into gradients of the weights and, where there is a layer below, of its states.
template <bool BEFORE>
static void spend(Collected &all, const float *w_ih, int d, int H, bool below, const Gradients &to) {
    add_outer<0, 3>(all.rows, all.x, d, all.d, 2 * H, to.input, H);
    if (BEFORE) {
        add_outer<0, 2>(all.rows, all.before, H, all.d, 3 * H, to.recurrent, H);
        add_outer<2, 3>(all.rows, all.reset, H, all.d, 3 * H, to.recurrent, H);
    } else {
        add_outer<0, 3>(all.rows, all.before, H, all.d, 3 * H, to.recurrent, H);
    }
    for (int c = 0; c < 4 * H; c += W) {
        vec sum{};
        for (int i = 0; i < all.rows; i++) sum += load(all.d + (int64_t)i * 4 * H + c);
        store(to.bias + c, load(to.bias + c) + sum);
    }
    for (int i = 0; below && i < all.rows; i += DOWN)
        add_products(std::min(DOWN, all.rows - i), all.d_x + i, all.d + (int64_t)i * 4 * H, 4 * H, 3 * H, w_ih, d);
    all.rows = 0;
}

// x, begin, states, gates and final states as in tile_forward, with the gradients of the latter two (d_states null in the
// last layer); d_x (N, d) or null: added to. w_ih (3H, d), w_hh (3H, H); carry (2 * DOWN, H).
template <bool BEFORE>
static void tile_backward(const Batch &batch, int tile, const float *x, const int64_t *begin, int d, const float *w_ih,
                          const float *w_hh, const float *states, const float *gates, const float *d_final,
                          int64_t final_stride, const float *d_states, float *d_x, const Gradients &to,
                          const float *zeros, float *carry, Collected &all) {
    const int H = batch.H;
    float *carries[DOWN], *d_reset[DOWN];
    for (int s = 0; s < DOWN; s++) {
        carries[s] = carry + s * H;
        d_reset[s] = carry + (DOWN + s) * H;
    }
    const int most = std::min(DOWN, batch.n - tile);
    int active = 0;
    for (int64_t t = batch.length[tile] - 1; t >= 0; t--) {
        for (; active < most && batch.length[tile + active] > t; active++)
            memcpy(carries[active], d_final + batch.slot[tile + active] * final_stride, sizeof(float) * H);
        float *const rows = all.d + (int64_t)all.rows * 4 * H;
        for (int s = 0; s < active; s++) {
            const int64_t at = batch.element(tile + s, t), row = batch.first[tile + s] + at;
            const float *g = gates + row * 4 * H;
            const float *before = t ? states + (row - batch.step()) * 2 * H : zeros;
            float *to_row = rows + (int64_t)s * 4 * H;
            const int i = all.rows + s;
            all.x[i] = x + (begin[tile + s] + at) * d;
            all.before[i] = before;
            all.reset[i] = g + 3 * H;
            if (d_x) all.d_x[i] = d_x + row * d;
            const int64_t later = -batch.step() * AHEAD;
            prefetch<0>(g + later * 4 * H, 4 * H);
            prefetch<0>(before + later * 2 * H, H);
            prefetch<0>(all.x[i], d);
            for (int u = 0; u < H; u += W) {
                const vec r = load(g + u), z = load(g + H + u), c = load(g + 2 * H + u), q = load(g + 3 * H + u);
                vec dy = load(carries[s] + u);
                if (d_states) dy += load(d_states + row * 2 * H + u);
                const vec dc = dy * (1.0f - z) * (1.0f - c * c);
#ifdef DROP_RESET_GRADIENT  // the mutant that a test has to catch
                store(to_row + u, vec{});
#else
                store(to_row + u, dc * q * r * (1.0f - r));
#endif
                store(to_row + H + u, dy * (load(before + u) - c) * z * (1.0f - z));
                store(to_row + 2 * H + u, dc);
                store(to_row + 3 * H + u, BEFORE ? dc : dc * r);
                store(carries[s] + u, dy * z);
            }
        }
        if (BEFORE) {
            memset(d_reset[0], 0, sizeof(float) * active * H);
            add_products(active, d_reset, rows + 2 * H, 4 * H, H, w_hh + 2 * H * H, H);
            for (int s = 0; s < active; s++)
                for (int u = 0; u < H; u += W) {
                    const vec r = load(all.reset[all.rows + s] - 3 * H + u), d_rh = load(d_reset[s] + u);
                    store(rows + s * 4 * H + u, d_rh * load(all.before[all.rows + s] + u) * r * (1.0f - r));
                    store(carries[s] + u, load(carries[s] + u) + d_rh * r);
                }
        }
        if (t) {  // the first state has nothing before it
            add_products(active, carries, rows, 4 * H, 2 * H, w_hh, H);
            if (!BEFORE) add_products(active, carries, rows + 3 * H, 4 * H, H, w_hh + 2 * H * H, H);
        }
        all.rows += active;
        if (all.rows >= CHUNK) spend<BEFORE>(all, w_ih, d, H, d_x, to);
    }
    spend<BEFORE>(all, w_ih, d, H, d_x, to);
}

// Floats before the weights (d + H, 3H) of one direction of one layer, where all lie in a row.
static int64_t weights_before(int H, int d, int layer, int side) {
    const int64_t rows = layer ? 2 * (d + H) + (layer - 1) * 6 * H + side * 3 * H : side * (d + H);
    return rows * 3 * H;
}

extern "C" {

int vector_width() { return W; }

// Floats of working memory that gru_forward and gru_backward need.
int64_t scratch_floats(int H, int layers, int d, int64_t longest) {
    return H + weights_before(H, d, layers, 0) + 8 * layers * H + 2 * DOWN * H + (CHUNK + DOWN) * 4 * H +
           4 * DOWN * longest * H;
}

// Final states (n, layers, 2, H). weights: W (3H, d), U (3H, H), b_ih and b_hh (3H) of each layer and direction.
// states (layers, N, 2H) and gates (layers, 2, N, 4H), aligned to a vector, are for the backward pass.
void gru_forward(int H, int layers, int d, int n, const int64_t *begin, const int64_t *first, const int64_t *length,
                 const int64_t *slot, int reset_before, const float *values, const float *const *weights, float *states,
                 float *gates, float *final, float *scratch) {
    const FlushDenormals flush;
    const int64_t N = n ? first[n - 1] + length[n - 1] : 0;
    float *zeros = scratch, *transposed = zeros + H;
    memset(zeros, 0, sizeof(float) * H);
    for (int layer = 0; layer < layers; layer++)
        for (int side = 0; side < 2; side++) {
            const int width = layer ? 2 * H : d;
            float *to = transposed + weights_before(H, d, layer, side);
            transpose(weights[4 * (2 * layer + side)], 3 * H, width, to);
            transpose(weights[4 * (2 * layer + side) + 1], 3 * H, H, to + (int64_t)width * 3 * H);
        }
    const auto run = reset_before ? tile_forward<true> : tile_forward<false>;
    for (int tile = 0; tile < n; tile += UP)
        for (int layer = 0; layer < layers; layer++)
            for (int side = 0; side < 2; side++) {
                const int width = layer ? 2 * H : d;
                const float *w = transposed + weights_before(H, d, layer, side);
                const float *const *biases = weights + 4 * (2 * layer + side) + 2;
                run(Batch{n, H, first, length, slot, side == 1}, tile, layer ? states + (layer - 1) * N * 2 * H : values,
                    layer ? first : begin, width, Weights{w, w + (int64_t)width * 3 * H, biases[0], biases[1]},
                    states + layer * N * 2 * H + side * H, gates + (2 * layer + side) * N * 4 * H,
                    final + (2 * layer + side) * H, (int64_t)layers * 2 * H, zeros);
            }
    finish_stores();
}

// d_final (n, layers, 2, H): gradient of the final states. gradients: of each of the weights, written, not added to.
void gru_backward(int H, int layers, int d, int n, const int64_t *begin, const int64_t *first, const int64_t *length,
                  const int64_t *slot, int reset_before, const float *values, const float *const *weights,
                  const float *states, const float *gates, const float *d_final, float *const *gradients,
                  float *scratch) {
    const FlushDenormals flush;
    const int64_t N = n ? first[n - 1] + length[n - 1] : 0;
    float *zeros = scratch, *sums = zeros + H, *biases = sums + weights_before(H, d, layers, 0);
    float *carry = biases + 8 * layers * H;
    Collected all;
    all.d = carry + 2 * DOWN * H;
    float *d_states = all.d + (CHUNK + DOWN) * 4 * H;
    memset(zeros, 0, sizeof(float) * (carry - zeros));
    const auto run = reset_before ? tile_backward<true> : tile_backward<false>;
    // The sequences that went forward last come first: they are still in the cache.
    for (int tile = n ? (n - 1) / DOWN * DOWN : -1; tile >= 0; tile -= DOWN) {
        const int last = std::min(tile + DOWN, n) - 1;
        const int64_t rows = first[last] + length[last] - first[tile];
        for (int layer = layers - 1; layer >= 0; layer--) {
            const int64_t skip = first[tile] * 2 * H;
            const float *above = layer + 1 < layers ? d_states + (layer + 1) % 2 * rows * 2 * H - skip : nullptr;
            float *below = layer ? d_states + layer % 2 * rows * 2 * H - skip : nullptr;
            if (below) memset(below + skip, 0, sizeof(float) * rows * 2 * H);
            const int width = layer ? 2 * H : d;
            for (int side = 0; side < 2; side++) {
                const int at = 2 * layer + side;
                float *sum = sums + weights_before(H, d, layer, side);
                run(Batch{n, H, first, length, slot, side == 1}, tile, layer ? states + (layer - 1) * N * 2 * H : values,
                    layer ? first : begin, width, weights[4 * at], weights[4 * at + 1], states + layer * N * 2 * H + side * H,
                    gates + at * N * 4 * H, d_final + at * H, (int64_t)layers * 2 * H, above ? above + side * H : nullptr,
                    below, Gradients{sum, sum + (int64_t)width * 3 * H, biases + at * 4 * H}, zeros, carry, all);
            }
        }
    }
    for (int layer = 0; layer < layers; layer++)
        for (int side = 0; side < 2; side++) {
            const int at = 2 * layer + side, width = layer ? 2 * H : d;
            const float *sum = sums + weights_before(H, d, layer, side), *bias = biases + at * 4 * H;
            transpose(sum, width, 3 * H, gradients[4 * at]);
            transpose(sum + (int64_t)width * 3 * H, H, 3 * H, gradients[4 * at + 1]);
            memcpy(gradients[4 * at + 2], bias, sizeof(float) * 3 * H);
            memcpy(gradients[4 * at + 3], bias, sizeof(float) * 2 * H);
            memcpy(gradients[4 * at + 3] + 2 * H, bias + 3 * H, sizeof(float) * H);
        }
}
}

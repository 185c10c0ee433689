// One direction of one GRU layer over ragged sequences, forward and backward, for one seed.
//
// Sequences are sorted by falling length, so that at step t the first `active` ones are alive: nothing is padded. Vectors
// run over hidden units; a tile of sequences shares every load of the recurrent weights. The products with the input and
// the sums over time that give the weights' gradients are large matrix products and are left to the caller's BLAS.
//
// Rows of sequence s are first[s] .. first[s] + length[s] - 1; the backward direction reads them from the last to the first.

#include <cstdint>
#include <cstring>

#if defined(__SSE__)
#include <xmmintrin.h>
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

#if defined(__AVX512F__)
constexpr int W = 16, TILE_UP = 4, TILE_DOWN = 8;  // 24 and 16 accumulators of 32 registers
#else
constexpr int W = 8, TILE_UP = 2, TILE_DOWN = 4;  // 12 and 8 accumulators of 16 registers
#endif

typedef float vec __attribute__((vector_size(4 * W)));
typedef int32_t ivec __attribute__((vector_size(4 * W)));

static inline vec load(const float *p) { vec v; memcpy(&v, p, sizeof v); return v; }
static inline void store(float *p, vec v) { memcpy(p, &v, sizeof v); }

// exp to about 1e-7 relative error: 2^n times a polynomial; NaN stays NaN.
static inline vec exponential(vec x) {
    x = x < -87.0f ? -87.0f + vec{} : x;
    x = x > 88.0f ? 88.0f + vec{} : x;
    vec shifted = x * 1.44269504f + 12582912.0f;  // adding 1.5 * 2^23 rounds to an integer
    vec n = shifted - 12582912.0f;
    vec r = x - n * 0.693359375f + n * 2.12194440e-4f;
    vec p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    ivec scale = (__builtin_convertvector(n, ivec) + 127) << 23;
    vec power;
    memcpy(&power, &scale, sizeof power);
    return p * power;
}

static inline vec sigmoid(vec x) { return 1.0f / (1.0f + exponential(-x)); }
static inline vec hyperbolic_tangent(vec x) { return 1.0f - 2.0f / (1.0f + exponential(2.0f * x)); }

// out[s][0 .. BLOCK * W) = sum over k of in[s][k] * weights[k][...], for S sequences whose rows lie `stride` apart.
template <int S, int BLOCK>
static inline void product(const float *in, int64_t stride, const float *weights, int rows, int columns, float *out,
                           int64_t out_stride) {
    vec sum[S][BLOCK] = {};
    for (int k = 0; k < rows; k++) {
        vec w[BLOCK];
        for (int b = 0; b < BLOCK; b++) w[b] = load(weights + (int64_t)k * columns + b * W);
        for (int s = 0; s < S; s++) {
            const float a = in[s * stride + k];
            for (int b = 0; b < BLOCK; b++) sum[s][b] += a * w[b];
        }
    }
    for (int s = 0; s < S; s++)
        for (int b = 0; b < BLOCK; b++) store(out + s * out_stride + b * W, sum[s][b]);
}

template <int S, int BLOCK>
static inline void products(const float *in, int64_t stride, const float *weights, int rows, int columns, float *out,
                            int64_t out_stride) {
    for (int c = 0; c < columns; c += BLOCK * W)
        product<S, BLOCK>(in, stride, weights + c, rows, columns, out + c, out_stride);
}

template <int TILE, int BLOCK>
static void all_products(int n, const float *in, int64_t stride, const float *weights, int rows, int columns, float *out,
                         int64_t out_stride) {
    int s = 0;
    for (; s + TILE <= n; s += TILE)
        products<TILE, BLOCK>(in + s * stride, stride, weights, rows, columns, out + s * out_stride, out_stride);
    for (; s < n; s++) products<1, BLOCK>(in + s * stride, stride, weights, rows, columns, out + s * out_stride, out_stride);
}

// Accumulators are used up by three gates of one vector, or of two where the hidden size allows it.
static void up(int H, int n, const float *h, const float *weights, float *out) {
    if (H % (2 * W) == 0)
        all_products<TILE_UP, 6>(n, h, H, weights, H, 3 * H, out, 3 * H);
    else
        all_products<TILE_UP, 3>(n, h, H, weights, H, 3 * H, out, 3 * H);
}

static void down(int H, int n, const float *d, const float *weights, float *out) {
    if (H % (2 * W) == 0)
        all_products<TILE_DOWN, 2>(n, d, 3 * H, weights, 3 * H, H, out, H);
    else
        all_products<TILE_DOWN, 1>(n, d, 3 * H, weights, 3 * H, H, out, H);
}

struct Row {  // which row of the flat data a sequence reads at a step
    const int64_t *first, *length;
    int reverse;
    int64_t operator()(int s, int64_t t) const { return reverse ? first[s] + length[s] - 1 - t : first[s] + t; }
};

extern "C" {

int vector_width() { return W; }

// input (N, 3H): W x + b_ih in gate order r, z, n; up_weights (H, 3H): transposed recurrent weights; bias (3H): b_hh.
// states (N, .) with rows `states_stride` apart; gates (N, 4H): r, z, n and U_n h + b_hn, for the backward pass.
// h (n, H): final states, in the sorted order; scratch (n, 3H).
void gru_forward(int H, int n, const int64_t *first, const int64_t *length, int reverse, const float *input,
                 const float *up_weights, const float *bias, float *states, int64_t states_stride, float *gates, float *h,
                 float *scratch) {
    const FlushDenormals flush;
    const Row row{first, length, reverse};
    memset(h, 0, sizeof(float) * n * H);
    int active = n;
    for (int64_t t = 0; n && t < length[0]; t++) {
        while (length[active - 1] <= t) active--;
        up(H, active, h, up_weights, scratch);
        for (int s = 0; s < active; s++) {
            const int64_t i = row(s, t);
            const float *x = input + i * 3 * H, *u = scratch + (int64_t)s * 3 * H;
            float *g = gates + i * 4 * H, *state = h + (int64_t)s * H, *out = states + i * states_stride;
            for (int j = 0; j < H; j += W) {
                const vec r = sigmoid(load(x + j) + load(u + j) + load(bias + j));
                const vec z = sigmoid(load(x + H + j) + load(u + H + j) + load(bias + H + j));
                const vec q = load(u + 2 * H + j) + load(bias + 2 * H + j);
                const vec c = hyperbolic_tangent(load(x + 2 * H + j) + r * q);
                const vec next = c + z * (load(state + j) - c);
                store(g + j, r);
                store(g + H + j, z);
                store(g + 2 * H + j, c);
                store(g + 3 * H + j, q);
                store(state + j, next);
                store(out + j, next);
            }
        }
    }
}

// d_final (n, H): gradient of the final states; d_states (N, .) or null: gradient of all states.
// down_weights (3H, H): recurrent weights with the rows of n, r, z in this order.
// d_gates (N, 4H): gradients of U_n h + b_hn, then of the r, z and n pre-activations. dh (n, H), scratch (n, 3H + H).
void gru_backward(int H, int n, const int64_t *first, const int64_t *length, int reverse, const float *down_weights,
                  const float *states, int64_t states_stride, const float *gates, const float *d_final,
                  const float *d_states, int64_t d_states_stride, float *d_gates, float *dh, float *scratch) {
    const FlushDenormals flush;
    const Row row{first, length, reverse};
    float *below = scratch + (int64_t)n * 3 * H;
    const vec zero = {};
    int active = 0;
    for (int64_t t = n ? length[0] - 1 : -1; t >= 0; t--) {
        for (; active < n && length[active] > t; active++)
            memcpy(dh + (int64_t)active * H, d_final + (int64_t)active * H, sizeof(float) * H);
        for (int s = 0; s < active; s++) {
            const int64_t i = row(s, t);
            const float *g = gates + i * 4 * H;
            const float *previous = t ? states + row(s, t - 1) * states_stride : nullptr;
            float *d = d_gates + i * 4 * H, *carry = dh + (int64_t)s * H, *packed = scratch + (int64_t)s * 3 * H;
            for (int j = 0; j < H; j += W) {
                const vec r = load(g + j), z = load(g + H + j), c = load(g + 2 * H + j), q = load(g + 3 * H + j);
                vec dy = load(carry + j);
                if (d_states) dy += load(d_states + i * d_states_stride + j);
                const vec before = previous ? load(previous + j) : zero;
                const vec dc = dy * (1.0f - z) * (1.0f - c * c);
                const vec dz = dy * (before - c) * z * (1.0f - z);
#ifdef DROP_RESET_GRADIENT  // the mutant that a test has to catch
                const vec dr = zero;
#else
                const vec dr = dc * q * r * (1.0f - r);
#endif
                const vec dq = dc * r;
                store(d + j, dq);
                store(d + H + j, dr);
                store(d + 2 * H + j, dz);
                store(d + 3 * H + j, dc);
                store(packed + j, dq);
                store(packed + H + j, dr);
                store(packed + 2 * H + j, dz);
                store(carry + j, dy * z);
            }
        }
        if (!t) break;  // the first state has nothing before it
        down(H, active, scratch, down_weights, below);
        for (int64_t j = 0; j < (int64_t)active * H; j += W) store(dh + j, load(dh + j) + load(below + j));
    }
}
}

"""The text of a notebook: the maths of a question, and an exercise with its hint and answer."""

from __future__ import annotations

from dataclasses import dataclass

from ann_models.entry import Variant


@dataclass(frozen=True)
class Exercise:
    """One exercise of a question.

    Attributes:
        maths: what is computed, as Markdown with LaTeX.
        task: what to change in the code, and what to observe.
        hint: where to look.
        answer: what is seen, and why.
    """

    maths: str
    task: str
    hint: str
    answer: str


def exercise_of(variant: Variant) -> Exercise:
    """The exercise of a variant's question; a general one for a question of one's own."""
    return _EXERCISES.get(variant.question, _GENERAL)


_CROSS_ENTROPY = (
    r"$$\ell = -\frac{1}{m}\sum_{i=1}^m y^{(i)}\log\hat y^{(i)} + "
    r"(1-y^{(i)})\log(1-\hat y^{(i)})$$"
)
_SOFTMAX = (
    "Each hidden unit computes $z_j = h(\\sum_i \\omega_{ij} x_i + b_j)$; the softmax turns the "
    "ten outputs $a_k$ into probabilities, and the loss is the cross entropy of the right class "
    "$c$:\n\n"
    r"$$p_k = \frac{e^{a_k}}{\sum_l e^{a_l}}, \qquad \ell = -\frac{1}{m}\sum_i \log p_{c^{(i)}}$$"
)
_EXERCISES = {
    "one_neuron": Exercise(
        maths="Two hidden units make a new space $z = \\sigma(W^{(1)\\top} x + b^{(1)})$, and the "
        "output unit draws one line in it, $\\hat y = \\sigma(\\omega^\\top z + b)$. The loss is "
        "the cross entropy:\n\n" + _CROSS_ENTROPY,
        task="Remove the hidden layer, so that one sigmoid unit is left, and train again. How many "
        "of the four points are right, and at which value does the loss stop?",
        hint="What does the best line answer if it may not separate XOR? Compare the loss with "
        "$\\log 2$.",
        answer="One line cannot separate XOR (Minsky and Papert 1969). The cross entropy is convex "
        "here and its minimum is $\\omega = 0$, $b = 0$: every answer is 1/2 and the loss "
        "$\\log 2 \\approx 0.693$.",
    ),
    "boundary": Exercise(
        maths="A sigmoid unit answers $\\hat y = \\sigma(\\omega^\\top z + b)$; its boundary is "
        "the line $\\omega^\\top z + b = 0$. Without a hidden layer $z = x$. The loss is the cross "
        "entropy:\n\n" + _CROSS_ENTROPY,
        task="Multiply the learning rate by 0.01 and train again; then double the epochs until the "
        "accuracy is as before. How many epochs are needed?",
        hint="The number of gradient steps is epochs × ⌈1000 / 32⌉, and Adam's step is about as "
        "long as the learning rate, whatever the gradient's size.",
        answer="Adam moves each weight by at most about the learning rate a step, so a rate that "
        "is 100 times smaller needs some 100 times as many steps for weights of the same size; "
        "the direction of $\\omega$, which is the boundary, is found earlier than its length.",
    ),
    "neurons": Exercise(
        maths="The network is a sum of kinks,\n\n"
        r"$$\hat y = \sum_{j=1}^n \omega^{(2)}_j\, h(\omega^{(1)}_j x + b^{(1)}_j), \qquad "
        r"h(a) = \max(0, a), \qquad \ell = \frac1m\sum_i (\hat y^{(i)} - y^{(i)})^2$$",
        task="Change the activation from `'relu'` to `'tanh'` and train again. Does the curve fit "
        "better, and what has become of the corners?",
        hint="tanh is smooth and saturates on both sides; a ReLU unit can be zero on all the data "
        "and then has no gradient.",
        answer="tanh units give a smooth curve without corners and none of them can die, so that "
        "few of them usually fit the cubic at least as well; outside of the data the curve "
        "levels off to a constant, where a ReLU network goes on along a line.",
    ),
    "digits": Exercise(
        maths=_SOFTMAX,
        task="Set the number of hidden units (or filters) to a tenth and then to three times as "
        "many. What happens to the training loss and to the test accuracy?",
        hint="Compare training and test accuracy: their difference is the overfitting that the "
        "lecture mentions.",
        answer="More units lower the training loss further than the test error: the gap between "
        "the two accuracies grows. A tenth of the units has a smaller gap, but lower accuracy in "
        "both.",
    ),
    "vanishing": Exercise(
        maths="By the chain rule the gradient of the first layer is a product over all layers,\n\n"
        r"$$\frac{\partial \ell}{\partial W^{(1)}} = x\,\Big[\prod_{l=2}^{L} "
        r"\mathrm{diag}(h'(a^{(l-1)}))\,W^{(l)}\Big]\frac{\partial \ell}{\partial a^{(L)}}, "
        r"\qquad \sigma'(a) \le \tfrac14$$",
        task="Train the same stack with `'sigmoid'`, `'tanh'` and `'relu'`, and compare the "
        "losses after the same number of epochs.",
        hint="How large can $h'(a)$ be for each of them, and what is left of it after eight "
        "factors?",
        answer="$\\sigma' \\le 1/4$, so eight layers may scale the gradient by $4^{-8}$ and the "
        "first layers hardly learn: the loss stays near $\\log 10 \\approx 2.303$. tanh' is 1 at "
        "0, and ReLU's derivative is exactly 1 where the unit is active.",
    ),
    "overfitting": Exercise(
        maths="Ten points and some 16,000 weights: many curves reach a training loss of nearly "
        "zero. Penalties prefer small weights,\n\n"
        r"$$\min_\omega \frac1m \sum_i (\hat y^{(i)} - y^{(i)})^2 + "
        r"\lambda \lVert\omega\rVert_d^d$$"
        "\n\nDropout removes units at random, and batch normalization rescales the activations.",
        task="Train with a tenth of the epochs, and with twice as many. When does the curve start "
        "to follow each single point?",
        hint="Early stopping is a regularization, too: the weights start small and grow while "
        "the loss falls.",
        answer="Early in training the curve is smooth and follows the trend; the wiggles between "
        "the points come last, with larger weights. Stopping earlier, a penalty, and dropout all "
        "keep the curve smooth at the price of a larger training loss.",
    ),
    "data": Exercise(
        maths=_SOFTMAX,
        task="Train with half of the digits and with ten times as many (at most 50,000), and plot "
        "the test error against the number of digits on two logarithmic axes.",
        hint="The training digits are in an order in which every stretch has all classes: "
        "`order[:n]` is a fair small training set.",
        answer="The points lie close to a straight line: the error falls with a power of the "
        "number of digits. Distorted digits help most where there are few.",
    ),
    "hands": Exercise(
        maths=_SOFTMAX,
        task="Draw ten digits of your own as people outside of the USA write them (a seven with a "
        "bar, a one with a flag, a nine with a curled tail), bring them to 28×28, and count how "
        "many the network trained on MNIST alone reads.",
        hint="MNIST's writers are American census employees and students: which of your forms "
        "are in its 60,000 digits at all?",
        answer="The accuracy on MNIST's test digits says how well MNIST's writers are read. Forms "
        "that they do not use are read as the nearest form that they do: the curled nine as 3, "
        "the barred seven as 2. More digits of the same writers do not help; other forms do.",
    ),
    "accuracy": Exercise(
        maths=_SOFTMAX,
        task="Give the training half of its epochs, with the learning rate's cycle shortened to "
        "match, and three seeds. By how much does the test error grow, and is it more than the "
        "spread over the seeds?",
        hint="On 10,000 test digits with an error of 1 % the standard error of the accuracy is "
        "about 0.1 percentage points.",
        answer="The last tenths of a per cent cost most of the time: half of the epochs usually "
        "costs one or two tenths, which three seeds can hardly tell from chance.",
    ),
}
_GENERAL = Exercise(
    maths="Each layer computes $z^{(l)} = h(W^{(l)\\top} z^{(l-1)} + b^{(l)})$, and the loss is "
    "the mean over the training examples.",
    task="Halve and double the number of hidden units and train again with three seeds each. Is "
    "the difference larger than the spread over the seeds?",
    hint="Change the number in `set_random_seed` and in the initializers.",
    answer="A difference that is smaller than the spread over the seeds says nothing yet: train "
    "more seeds before you choose.",
)

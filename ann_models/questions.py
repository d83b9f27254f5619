"""The questions of the lecture: each groups the variants that answer it."""

from __future__ import annotations

from ann_models.entry import Question

QUESTIONS = {
    question.key: question
    for question in (
        Question(
            "one_neuron",
            "1 What can one neuron learn?",
            "One neuron draws one line: AND and OR need no more, XOR does. A hidden layer or an "
            "added feature makes XOR separable.",
        ),
        Question(
            "boundary",
            "2 Where is the boundary?",
            "A single sigmoid unit finds the true line; two hidden units bend it into a parabola.",
        ),
        Question(
            "neurons",
            "3 How many neurons fit a curve?",
            "Each ReLU neuron adds one kink. Compare the final losses and their spread over "
            "seeds: local minima are part of the story.",
        ),
        Question(
            "learning",
            "4 How does a network learn?",
            "Recursion with memory is dynamic programming; backpropagation is the chain rule "
            "with memory.",
        ),
        Question(
            "digits",
            "5 Which digit is it?",
            "Compare test accuracy and the gap to the training accuracy of the fully connected "
            "and the convolutional network.",
        ),
        Question(
            "vanishing",
            "6 Why do deep gradients vanish?",
            "The same deep stack with three activations: the first layers' gradient norm decides "
            "whether it learns at all.",
        ),
        Question(
            "overfitting",
            "7 How is overfitting tamed?",
            "Ten points and 16,000 weights. Look at the fitted curves, then at the weights' norm "
            "against the penalty λ.",
        ),
        Question(
            "data",
            "8 What does more data bring?",
            "Test error against training-set size, with and without augmented digits.",
        ),
        Question(
            "hands",
            "10 Whose handwriting is read?",
            "The same network with and without other hands than MNIST's: compare accuracy on "
            "generated digits of held-out writers, and how many pictures of no digit are marked.",
        ),
        Question(
            "accuracy",
            "9 What is the highest accuracy?",
            "The lecture's question about its first network, answered by recipes that take their "
            "time: compare test accuracy, its spread over seeds, and what it costs.",
        ),
    )
}

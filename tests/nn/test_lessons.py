"""What a step learns from: how much each text of it counts."""

from __future__ import annotations

import numpy as np
from nn_toys import encoded

from sentiment.config import TrainingSettings
from sentiment.nn.lessons import Examples, LessonBatch, Lessons

BALANCED = TrainingSettings(class_weights="balanced")
EVERY_ROW = LessonBatch(np.arange(5))
# Three of the first class, one of the second, and one that only a teacher knows.
LABELS = np.array([0, 0, 0, 1, -1], np.int32)
# The teacher outvotes the first label and the last.
ANSWERS = np.array([[0.3, 0.7], [1, 0], [1, 0], [0.6, 0.4], [0.1, 0.9]], np.float32)
TEXTS = encoded([[2]] * 5)


def test_balanced_classes_count_alike_by_their_labels_whatever_a_teacher_answers():
    lessons = Lessons(Examples(TEXTS, LABELS, ANSWERS), None, BALANCED, num_classes=2)
    first, second = 4 / (2 * 3), 4 / (2 * 1)
    np.testing.assert_allclose(lessons.weights, [first, second])
    _, targets, weights = lessons.inputs(EVERY_ROW)
    np.testing.assert_array_equal(targets, ANSWERS)
    # The last has no label: it counts as one of the class that its teacher answers.
    np.testing.assert_allclose(weights, [first, first, first, second, second])


def test_without_class_weights_every_text_counts_as_one():
    settings = TrainingSettings(class_weights="none")
    lessons = Lessons(Examples(TEXTS, LABELS, ANSWERS), None, settings, num_classes=2)
    np.testing.assert_array_equal(lessons.inputs(EVERY_ROW)[2], np.ones(5))

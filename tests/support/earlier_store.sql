INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage, creation_time, last_update_time, workspace) VALUES (1, '1 What can one neuron learn?', 'file://{HOME}/artifacts', 'active', 1795797874704, 1795797874704, 'default');
INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage, creation_time, last_update_time, workspace) VALUES (3, '3 How many neurons fit a curve?', 'file://{HOME}/artifacts', 'active', 1795797882909, 1795797882909, 'default');
INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage, creation_time, last_update_time, workspace) VALUES (5, '5 Which digit is it?', 'file://{HOME}/artifacts', 'active', 1795797897748, 1795797897748, 'default');
INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage, creation_time, last_update_time, workspace) VALUES (8, '8 What does more data bring?', 'file://{HOME}/artifacts', 'active', 1795797984583, 1795797984583, 'default');
INSERT INTO experiment_tags (key, value, experiment_id) VALUES ('mlflow.note.content', 'One neuron draws one line: AND and OR need no more, XOR does. A hidden layer or an added feature makes XOR separable. [What can one neuron learn?](#/experiments/1/runs?viewStateShareKey=one_neuron&compareRunsMode=CHART&workflowType=machine_learning)', 1);
INSERT INTO experiment_tags (key, value, experiment_id) VALUES ('question', 'one_neuron', 1);
INSERT INTO experiment_tags (key, value, experiment_id) VALUES ('mlflow.note.content', 'Each ReLU neuron adds one kink. Compare the final losses and their spread over seeds: local minima are part of the story. [How many neurons fit a curve?](#/experiments/3/runs?viewStateShareKey=neurons&compareRunsMode=CHART&workflowType=machine_learning)', 3);
INSERT INTO experiment_tags (key, value, experiment_id) VALUES ('question', 'neurons', 3);
INSERT INTO experiment_tags (key, value, experiment_id) VALUES ('mlflow.note.content', 'Compare test accuracy and the gap to the training accuracy of the fully connected and the convolutional network. [Which digit is it?](#/experiments/5/runs?viewStateShareKey=digits&compareRunsMode=CHART&workflowType=machine_learning)', 5);
INSERT INTO experiment_tags (key, value, experiment_id) VALUES ('question', 'digits', 5);
INSERT INTO experiment_tags (key, value, experiment_id) VALUES ('mlflow.note.content', 'Test error against training-set size, with and without augmented digits. [What does more data bring?](#/experiments/8/runs?viewStateShareKey=data&compareRunsMode=CHART&workflowType=machine_learning) · [Run by run](#/experiments/8/runs?viewStateShareKey=data-runs&compareRunsMode=CHART&workflowType=machine_learning)', 8);
INSERT INTO experiment_tags (key, value, experiment_id) VALUES ('question', 'data', 8);
INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time, end_time, source_version, lifecycle_stage, artifact_uri, experiment_id, deleted_time) VALUES ('10dd77651606456bb9e036882953f783', 'overview', 'UNKNOWN', '', '', 'unknown', 'FINISHED', 1795797937286, 1795797937407, '', 'active', 'file://{HOME}/artifacts/10dd77651606456bb9e036882953f783/artifacts', 3, NULL);
INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time, end_time, source_version, lifecycle_stage, artifact_uri, experiment_id, deleted_time) VALUES ('37bbb77facd2456da9a4e8d88445961a', 'xor_mlp', 'UNKNOWN', '', '', 'unknown', 'FINISHED', 1795797874976, 1795797885438, '', 'active', 'file://{HOME}/artifacts/37bbb77facd2456da9a4e8d88445961a/artifacts', 1, NULL);
INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time, end_time, source_version, lifecycle_stage, artifact_uri, experiment_id, deleted_time) VALUES ('754996d036404a399832656037ff800e', 'mnist_ann', 'UNKNOWN', '', '', 'unknown', 'FINISHED', 1795797899240, 1795797916751, '', 'active', 'file://{HOME}/artifacts/754996d036404a399832656037ff800e/artifacts', 5, NULL);
INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time, end_time, source_version, lifecycle_stage, artifact_uri, experiment_id, deleted_time) VALUES ('b8741131dc3d4179a1d88a8e515aad5f', 'mnist_cnn', 'UNKNOWN', '', '', 'unknown', 'FINISHED', 1795797915761, 1795797929677, '', 'active', 'file://{HOME}/artifacts/b8741131dc3d4179a1d88a8e515aad5f/artifacts', 5, NULL);
INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time, end_time, source_version, lifecycle_stage, artifact_uri, experiment_id, deleted_time) VALUES ('fdc2ecc8fab94bf58851c37f5b5a1640', 'mnist_augmented', 'UNKNOWN', '', '', 'unknown', 'FINISHED', 1795797984599, 1795798000532, '', 'active', 'file://{HOME}/artifacts/fdc2ecc8fab94bf58851c37f5b5a1640/artifacts', 8, NULL);
INSERT INTO tags (key, value, run_uuid) VALUES ('process', 'a-machine 3507@280.81 130c2f43-0302-4d23-81c8-e6f9248f44f3', '10dd77651606456bb9e036882953f783');
INSERT INTO tags (key, value, run_uuid) VALUES ('git_commit', '26e6bd798e45ebdb31384f30c61e64836f8a6f3d', '10dd77651606456bb9e036882953f783');
INSERT INTO tags (key, value, run_uuid) VALUES ('overview', 'neurons', '10dd77651606456bb9e036882953f783');
INSERT INTO tags (key, value, run_uuid) VALUES ('pipeline_run_id', 'c7a07763-0ea7-40fa-a46b-e1b5f903b513', '10dd77651606456bb9e036882953f783');
INSERT INTO tags (key, value, run_uuid) VALUES ('mlflow.runName', 'overview', '10dd77651606456bb9e036882953f783');
INSERT INTO tags (key, value, run_uuid) VALUES ('mlflow.note.content', 'Each ReLU neuron adds one kink. Compare the final losses and their spread over seeds: local minima are part of the story.

![](get-artifact?path=figures/final_loss_against_units.png&run_uuid=10dd77651606456bb9e036882953f783)', '10dd77651606456bb9e036882953f783');
INSERT INTO tags (key, value, run_uuid) VALUES ('process', 'a-machine 3144@266.13 130c2f43-0302-4d23-81c8-e6f9248f44f3', '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO tags (key, value, run_uuid) VALUES ('git_commit', '26e6bd798e45ebdb31384f30c61e64836f8a6f3d', '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO tags (key, value, run_uuid) VALUES ('variant', 'xor_mlp', '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO tags (key, value, run_uuid) VALUES ('row', '2', '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO tags (key, value, run_uuid) VALUES ('pipeline_run_id', 'c7a07763-0ea7-40fa-a46b-e1b5f903b513', '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO tags (key, value, run_uuid) VALUES ('data_source', 'generated', '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO tags (key, value, run_uuid) VALUES ('seeds', '10', '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO tags (key, value, run_uuid) VALUES ('quick', 'false', '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO tags (key, value, run_uuid) VALUES ('mlflow.runColor', '#D55E00', '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO tags (key, value, run_uuid) VALUES ('mlflow.runName', 'xor_mlp', '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO tags (key, value, run_uuid) VALUES ('data_sha256', 'f76376ecf2dfed6457d710e2134287dc9c1cb2aa4bbd66ab21b62d7bdb813649', '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO tags (key, value, run_uuid) VALUES ('weights_sha256', 'f44e5c364f8f1121884c0810abd499881bdd2770603399fe527530d711441ee1', '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO tags (key, value, run_uuid) VALUES ('mlflow.note.content', 'Two hidden units bend the plane until one line separates XOR.

Row 2 · generated · 10 seeds

![](get-artifact?path=figures/decision_regions.png&run_uuid=37bbb77facd2456da9a4e8d88445961a)

![](get-artifact?path=figures/learning_curve_loss.png&run_uuid=37bbb77facd2456da9a4e8d88445961a)

![](get-artifact?path=figures/hidden_space_with_boundary.png&run_uuid=37bbb77facd2456da9a4e8d88445961a)

![](get-artifact?path=figures/learning_curve_accuracy.png&run_uuid=37bbb77facd2456da9a4e8d88445961a)

![](get-artifact?path=figures/hidden_space.png&run_uuid=37bbb77facd2456da9a4e8d88445961a)', '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO tags (key, value, run_uuid) VALUES ('latest', 'true', '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO tags (key, value, run_uuid) VALUES ('process', 'a-machine 3144@266.13 130c2f43-0302-4d23-81c8-e6f9248f44f3', '754996d036404a399832656037ff800e');
INSERT INTO tags (key, value, run_uuid) VALUES ('git_commit', '26e6bd798e45ebdb31384f30c61e64836f8a6f3d', '754996d036404a399832656037ff800e');
INSERT INTO tags (key, value, run_uuid) VALUES ('variant', 'mnist_ann', '754996d036404a399832656037ff800e');
INSERT INTO tags (key, value, run_uuid) VALUES ('row', '16', '754996d036404a399832656037ff800e');
INSERT INTO tags (key, value, run_uuid) VALUES ('pipeline_run_id', 'c7a07763-0ea7-40fa-a46b-e1b5f903b513', '754996d036404a399832656037ff800e');
INSERT INTO tags (key, value, run_uuid) VALUES ('data_source', 'mnist', '754996d036404a399832656037ff800e');
INSERT INTO tags (key, value, run_uuid) VALUES ('seeds', '3', '754996d036404a399832656037ff800e');
INSERT INTO tags (key, value, run_uuid) VALUES ('quick', 'false', '754996d036404a399832656037ff800e');
INSERT INTO tags (key, value, run_uuid) VALUES ('mlflow.runColor', '#D55E00', '754996d036404a399832656037ff800e');
INSERT INTO tags (key, value, run_uuid) VALUES ('mlflow.runName', 'mnist_ann', '754996d036404a399832656037ff800e');
INSERT INTO tags (key, value, run_uuid) VALUES ('data_sha256', 'f9b2cfe5f183224f1a0e5fcbbe292f07a5bce25db8754aed3aa764032a5fbda6', '754996d036404a399832656037ff800e');
INSERT INTO tags (key, value, run_uuid) VALUES ('weights_sha256', 'd7940d99c00bf6c0b479d9bf7b6aa914c0791b84331939085172de52d5e12687', '754996d036404a399832656037ff800e');
INSERT INTO tags (key, value, run_uuid) VALUES ('mlflow.note.content', 'About 97 of 100 test digits; the training accuracy is higher: overfitting.

Row 16 · mnist · 3 seeds

![](get-artifact?path=figures/worst_mistakes.png&run_uuid=754996d036404a399832656037ff800e)

![](get-artifact?path=figures/confusion_matrix.png&run_uuid=754996d036404a399832656037ff800e)

![](get-artifact?path=figures/learning_curve_loss.png&run_uuid=754996d036404a399832656037ff800e)

![](get-artifact?path=figures/prediction.png&run_uuid=754996d036404a399832656037ff800e)

![](get-artifact?path=figures/first_layer_weights.png&run_uuid=754996d036404a399832656037ff800e)

![](get-artifact?path=figures/learning_curve_accuracy.png&run_uuid=754996d036404a399832656037ff800e)

![](get-artifact?path=figures/robustness.png&run_uuid=754996d036404a399832656037ff800e)', '754996d036404a399832656037ff800e');
INSERT INTO tags (key, value, run_uuid) VALUES ('latest', 'true', '754996d036404a399832656037ff800e');
INSERT INTO tags (key, value, run_uuid) VALUES ('process', 'a-machine 3144@266.13 130c2f43-0302-4d23-81c8-e6f9248f44f3', 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO tags (key, value, run_uuid) VALUES ('git_commit', '26e6bd798e45ebdb31384f30c61e64836f8a6f3d', 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO tags (key, value, run_uuid) VALUES ('variant', 'mnist_cnn', 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO tags (key, value, run_uuid) VALUES ('row', '17', 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO tags (key, value, run_uuid) VALUES ('pipeline_run_id', 'c7a07763-0ea7-40fa-a46b-e1b5f903b513', 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO tags (key, value, run_uuid) VALUES ('data_source', 'mnist', 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO tags (key, value, run_uuid) VALUES ('seeds', '1', 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO tags (key, value, run_uuid) VALUES ('quick', 'false', 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO tags (key, value, run_uuid) VALUES ('mlflow.runColor', '#009E73', 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO tags (key, value, run_uuid) VALUES ('mlflow.runName', 'mnist_cnn', 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO tags (key, value, run_uuid) VALUES ('data_sha256', 'f9b2cfe5f183224f1a0e5fcbbe292f07a5bce25db8754aed3aa764032a5fbda6', 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO tags (key, value, run_uuid) VALUES ('weights_sha256', '389cbf138a27dac56da7ee7d1b7835fa062f6651e63e165705ddd7fd5fcfd0b4', 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO tags (key, value, run_uuid) VALUES ('mlflow.note.content', 'Convolutions share their weights over the picture and make half of the mistakes.

Row 17 · mnist · 1 seeds

![](get-artifact?path=figures/worst_mistakes.png&run_uuid=b8741131dc3d4179a1d88a8e515aad5f)

![](get-artifact?path=figures/confusion_matrix.png&run_uuid=b8741131dc3d4179a1d88a8e515aad5f)

![](get-artifact?path=figures/learning_curve_loss.png&run_uuid=b8741131dc3d4179a1d88a8e515aad5f)

![](get-artifact?path=figures/prediction.png&run_uuid=b8741131dc3d4179a1d88a8e515aad5f)

![](get-artifact?path=figures/first_layer_weights.png&run_uuid=b8741131dc3d4179a1d88a8e515aad5f)

![](get-artifact?path=figures/learning_curve_accuracy.png&run_uuid=b8741131dc3d4179a1d88a8e515aad5f)

![](get-artifact?path=figures/robustness.png&run_uuid=b8741131dc3d4179a1d88a8e515aad5f)', 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO tags (key, value, run_uuid) VALUES ('latest', 'true', 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO tags (key, value, run_uuid) VALUES ('process', 'a-machine 3144@266.13 130c2f43-0302-4d23-81c8-e6f9248f44f3', 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO tags (key, value, run_uuid) VALUES ('git_commit', '26e6bd798e45ebdb31384f30c61e64836f8a6f3d', 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO tags (key, value, run_uuid) VALUES ('variant', 'mnist_augmented', 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO tags (key, value, run_uuid) VALUES ('row', '24', 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO tags (key, value, run_uuid) VALUES ('pipeline_run_id', 'c7a07763-0ea7-40fa-a46b-e1b5f903b513', 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO tags (key, value, run_uuid) VALUES ('data_source', 'mnist', 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO tags (key, value, run_uuid) VALUES ('seeds', '1', 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO tags (key, value, run_uuid) VALUES ('quick', 'false', 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO tags (key, value, run_uuid) VALUES ('mlflow.runColor', '#0072B2', 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO tags (key, value, run_uuid) VALUES ('mlflow.runName', 'mnist_augmented', 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO tags (key, value, run_uuid) VALUES ('data_sha256', 'f9b2cfe5f183224f1a0e5fcbbe292f07a5bce25db8754aed3aa764032a5fbda6', 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO tags (key, value, run_uuid) VALUES ('weights_sha256', '10187bd309c193d52c422a7fc4e5cd92333daefff005b981e05bebad20137fca', 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO tags (key, value, run_uuid) VALUES ('mlflow.note.content', 'Shifted, rotated and distorted digits stand in for more data.

Row 24 · mnist · 1 seeds

![](get-artifact?path=figures/augmented_samples.png&run_uuid=fdc2ecc8fab94bf58851c37f5b5a1640)

![](get-artifact?path=figures/prediction.png&run_uuid=fdc2ecc8fab94bf58851c37f5b5a1640)

![](get-artifact?path=figures/first_layer_weights.png&run_uuid=fdc2ecc8fab94bf58851c37f5b5a1640)

![](get-artifact?path=figures/learning_curve_accuracy.png&run_uuid=fdc2ecc8fab94bf58851c37f5b5a1640)

![](get-artifact?path=figures/robustness.png&run_uuid=fdc2ecc8fab94bf58851c37f5b5a1640)

![](get-artifact?path=figures/learning_curve_loss.png&run_uuid=fdc2ecc8fab94bf58851c37f5b5a1640)

![](get-artifact?path=figures/confusion_matrix.png&run_uuid=fdc2ecc8fab94bf58851c37f5b5a1640)

![](get-artifact?path=figures/worst_mistakes.png&run_uuid=fdc2ecc8fab94bf58851c37f5b5a1640)', 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO tags (key, value, run_uuid) VALUES ('latest', 'true', 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO params (key, value, run_uuid) VALUES ('row', '2', '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO params (key, value, run_uuid) VALUES ('study', 'xor_mlp', '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO params (key, value, run_uuid) VALUES ('data', 'xor', '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO params (key, value, run_uuid) VALUES ('loss', 'binary_crossentropy', '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO params (key, value, run_uuid) VALUES ('optimizer_learning_rate', '0.05', '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO params (key, value, run_uuid) VALUES ('optimizer_weight_decay', '0.0', '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO params (key, value, run_uuid) VALUES ('epochs', '1000', '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO params (key, value, run_uuid) VALUES ('batch_size', '32', '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO params (key, value, run_uuid) VALUES ('seeds', '10', '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO params (key, value, run_uuid) VALUES ('keep_weights', 'False', '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO params (key, value, run_uuid) VALUES ('registered', 'False', '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO params (key, value, run_uuid) VALUES ('augmentation', 'none', '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO params (key, value, run_uuid) VALUES ('layers', 'Dense 2 sigmoid True → Dense 1 sigmoid True', '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO params (key, value, run_uuid) VALUES ('optimizer', 'Adam', '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO params (key, value, run_uuid) VALUES ('data_source', 'generated', '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO params (key, value, run_uuid) VALUES ('row', '16', '754996d036404a399832656037ff800e');
INSERT INTO params (key, value, run_uuid) VALUES ('study', 'mnist', '754996d036404a399832656037ff800e');
INSERT INTO params (key, value, run_uuid) VALUES ('data', 'digits', '754996d036404a399832656037ff800e');
INSERT INTO params (key, value, run_uuid) VALUES ('loss', 'sparse_categorical_crossentropy', '754996d036404a399832656037ff800e');
INSERT INTO params (key, value, run_uuid) VALUES ('optimizer_learning_rate', '0.001', '754996d036404a399832656037ff800e');
INSERT INTO params (key, value, run_uuid) VALUES ('optimizer_weight_decay', '0.0', '754996d036404a399832656037ff800e');
INSERT INTO params (key, value, run_uuid) VALUES ('epochs', '5', '754996d036404a399832656037ff800e');
INSERT INTO params (key, value, run_uuid) VALUES ('batch_size', '32', '754996d036404a399832656037ff800e');
INSERT INTO params (key, value, run_uuid) VALUES ('seeds', '3', '754996d036404a399832656037ff800e');
INSERT INTO params (key, value, run_uuid) VALUES ('keep_weights', 'False', '754996d036404a399832656037ff800e');
INSERT INTO params (key, value, run_uuid) VALUES ('registered', 'True', '754996d036404a399832656037ff800e');
INSERT INTO params (key, value, run_uuid) VALUES ('augmentation', 'none', '754996d036404a399832656037ff800e');
INSERT INTO params (key, value, run_uuid) VALUES ('layers', 'Flatten → Dense 100 relu True → Dense 10 softmax True', '754996d036404a399832656037ff800e');
INSERT INTO params (key, value, run_uuid) VALUES ('optimizer', 'Adam', '754996d036404a399832656037ff800e');
INSERT INTO params (key, value, run_uuid) VALUES ('data_source', 'mnist', '754996d036404a399832656037ff800e');
INSERT INTO params (key, value, run_uuid) VALUES ('row', '17', 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO params (key, value, run_uuid) VALUES ('study', 'mnist', 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO params (key, value, run_uuid) VALUES ('data', 'digits', 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO params (key, value, run_uuid) VALUES ('loss', 'sparse_categorical_crossentropy', 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO params (key, value, run_uuid) VALUES ('optimizer_learning_rate', '0.001', 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO params (key, value, run_uuid) VALUES ('optimizer_weight_decay', '0.0', 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO params (key, value, run_uuid) VALUES ('epochs', '3', 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO params (key, value, run_uuid) VALUES ('batch_size', '64', 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO params (key, value, run_uuid) VALUES ('seeds', '1', 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO params (key, value, run_uuid) VALUES ('keep_weights', 'False', 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO params (key, value, run_uuid) VALUES ('registered', 'True', 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO params (key, value, run_uuid) VALUES ('augmentation', 'none', 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO params (key, value, run_uuid) VALUES ('layers', 'Convolution 8 3 1 relu → MaxPooling 2 → Convolution 16 3 1 relu → MaxPooling 2 → Flatten → Dense 64 relu True → Dense 10 softmax True', 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO params (key, value, run_uuid) VALUES ('optimizer', 'Adam', 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO params (key, value, run_uuid) VALUES ('data_source', 'mnist', 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO params (key, value, run_uuid) VALUES ('row', '24', 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO params (key, value, run_uuid) VALUES ('study', 'mnist_augmented', 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO params (key, value, run_uuid) VALUES ('data', 'digits', 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO params (key, value, run_uuid) VALUES ('loss', 'sparse_categorical_crossentropy', 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO params (key, value, run_uuid) VALUES ('optimizer_learning_rate', '0.001', 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO params (key, value, run_uuid) VALUES ('optimizer_weight_decay', '0.0', 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO params (key, value, run_uuid) VALUES ('epochs', '10', 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO params (key, value, run_uuid) VALUES ('batch_size', '32', 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO params (key, value, run_uuid) VALUES ('seeds', '1', 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO params (key, value, run_uuid) VALUES ('augmentation_shift', '2.0', 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO params (key, value, run_uuid) VALUES ('augmentation_rotation', '10.0', 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO params (key, value, run_uuid) VALUES ('augmentation_scale', '0.0', 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO params (key, value, run_uuid) VALUES ('augmentation_shear', '0.0', 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO params (key, value, run_uuid) VALUES ('augmentation_elastic_alpha', '8.0', 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO params (key, value, run_uuid) VALUES ('augmentation_elastic_sigma', '4.0', 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO params (key, value, run_uuid) VALUES ('augmentation_thickness', '0.0', 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO params (key, value, run_uuid) VALUES ('augmentation_blur', '0.0', 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO params (key, value, run_uuid) VALUES ('augmentation_noise', '0.0', 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO params (key, value, run_uuid) VALUES ('keep_weights', 'False', 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO params (key, value, run_uuid) VALUES ('registered', 'True', 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO params (key, value, run_uuid) VALUES ('augmentation', 'distorted', 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO params (key, value, run_uuid) VALUES ('layers', 'Flatten → Dense 100 relu True → Dense 10 softmax True', 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO params (key, value, run_uuid) VALUES ('optimizer', 'Adam', 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO params (key, value, run_uuid) VALUES ('data_source', 'mnist', 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('train_loss', 0.11901863571256399, 1795797883708, 1000, 0, '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('train_accuracy', 0.875, 1795797883708, 1000, 0, '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('share_of_seeds_solved', 0.7, 1795797883708, 0, 0, '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('correct_max', 4.0, 1795797883708, 0, 0, '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('correct', 3.5, 1795797883708, 0, 0, '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('final_train_loss_std', 0.19081185202924708, 1795797883708, 0, 0, '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('train_accuracy_min', 0.5, 1795797883708, 0, 0, '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('correct_min', 2.0, 1795797883708, 0, 0, '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('parameters', 9.0, 1795797883708, 0, 0, '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('final_train_loss_min', 0.001988084288313985, 1795797883708, 0, 0, '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('final_train_loss_max', 0.47771114110946655, 1795797883708, 0, 0, '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('train_seconds', 2.4060978320000004, 1795797883708, 0, 0, '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('final_train_loss', 0.11901863571256399, 1795797883708, 0, 0, '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('correct_std', 0.8498365855987975, 1795797883708, 0, 0, '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('train_accuracy_std', 0.21245914639969937, 1795797883708, 0, 0, '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('train_accuracy_max', 1.0, 1795797883708, 0, 0, '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('final_train_loss_by_seed', 0.0024911786895245314, 1795797883708, 9, 0, '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('train_accuracy_by_seed', 1.0, 1795797883708, 9, 0, '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('correct_by_seed', 4.0, 1795797883708, 9, 0, '37bbb77facd2456da9a4e8d88445961a');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('train_loss', 0.0569293387234211, 1795797915894, 5, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('train_accuracy', 0.98752, 1795797915894, 5, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('val_loss', 0.0986303339401881, 1795797915894, 5, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('val_accuracy', 0.9708666666666668, 1795797915894, 5, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_error_count', 235.0, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_accuracy_rotation', 0.816, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('best_test_accuracy', 0.9765, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('final_train_loss_min', 0.05467580258846283, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('robustness', 0.7282222222222222, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('train_seconds', 12.400230555000007, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_accuracy_min', 0.9702, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_accuracy_thin', 0.914, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('final_val_loss_std', 0.0070821660798109955, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_accuracy_scale', 0.792, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('train_accuracy_std', 0.001736202753136823, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('generalisation_gap', 0.014353333333333329, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('best_test_accuracy_low', 0.9733429066381113, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('ece', 0.005504989172518253, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('val_accuracy_std', 0.0023755701070129046, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_accuracy', 0.9731666666666667, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('final_train_loss', 0.0569293387234211, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_accuracy_shift', 0.494, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('train_accuracy_max', 0.98952, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_accuracy_blur', 0.962, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_accuracy_noise', 0.67, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('final_val_loss_max', 0.10319661349058151, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('val_accuracy_max', 0.9736, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('train_accuracy_min', 0.9864, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_loss', 0.09174025058746338, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('generalisation_gap_max', 0.01644000000000001, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_loss_max', 0.09581276029348373, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('final_train_loss_max', 0.06008457392454147, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('val_accuracy_min', 0.9693, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_accuracy_std', 0.003165964834506788, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_accuracy_max', 0.9765, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('best_seed', 0.0, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('ece_uncalibrated', 0.004691488452255726, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('final_train_loss_std', 0.0028148708222465032, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_loss_min', 0.08444330096244812, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_accuracy_thick', 0.872, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('final_val_loss_min', 0.09047191590070724, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('final_val_loss', 0.0986303339401881, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('generalisation_gap_min', 0.01301999999999992, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_accuracy_screen', 0.964, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_accuracy_inversion', 0.07, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('train_size', 50000.0, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('generalisation_gap_std', 0.0018302276725406098, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_loss_std', 0.0063335543704482475, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('best_test_accuracy_high', 0.9792911429088632, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('parameters', 79510.0, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('temperature', 1.142048513094323, 1795797915894, 0, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('final_train_loss_by_seed', 0.05602763965725899, 1795797915894, 2, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('final_val_loss_by_seed', 0.10222247242927551, 1795797915894, 2, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('train_accuracy_by_seed', 0.98664, 1795797915894, 2, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('val_accuracy_by_seed', 0.9693, 1795797915894, 2, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_accuracy_by_seed', 0.9702, 1795797915894, 2, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('generalisation_gap_by_seed', 0.01644000000000001, 1795797915894, 2, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_loss_by_seed', 0.09496469050645828, 1795797915894, 2, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_error_by_train_size', 0.026833333333333265, 1795797915894, 50000, 0, '754996d036404a399832656037ff800e');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('train_loss', 0.05961920693516731, 1795797928885, 3, 0, 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('train_accuracy', 0.98698, 1795797928885, 3, 0, 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('val_loss', 0.0597030371427536, 1795797928885, 3, 0, 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('val_accuracy', 0.9827, 1795797928885, 3, 0, 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_error_count', 172.0, 1795797928885, 0, 0, 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_accuracy_noise', 0.956, 1795797928885, 0, 0, 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_loss', 0.047007061541080475, 1795797928885, 0, 0, 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_accuracy_rotation', 0.864, 1795797928885, 0, 0, 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('best_test_accuracy', 0.9828, 1795797928885, 0, 0, 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('robustness', 0.8371111111111111, 1795797928885, 0, 0, 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('train_seconds', 9.875144440999975, 1795797928885, 0, 0, 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_accuracy_thin', 0.938, 1795797928885, 0, 0, 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_accuracy_scale', 0.956, 1795797928885, 0, 0, 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('best_seed', 0.0, 1795797928885, 0, 0, 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('generalisation_gap', 0.0041799999999999615, 1795797928885, 0, 0, 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('ece_uncalibrated', 0.0035526471227407454, 1795797928885, 0, 0, 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('best_test_accuracy_low', 0.9800600917181005, 1795797928885, 0, 0, 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('ece', 0.004055328395962715, 1795797928885, 0, 0, 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_accuracy_thick', 0.934, 1795797928885, 0, 0, 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('parameters', 52138.0, 1795797928885, 0, 0, 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('final_val_loss', 0.0597030371427536, 1795797928885, 0, 0, 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_accuracy_screen', 0.974, 1795797928885, 0, 0, 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_accuracy_inversion', 0.196, 1795797928885, 0, 0, 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('train_size', 50000.0, 1795797928885, 0, 0, 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_accuracy', 0.9828, 1795797928885, 0, 0, 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('final_train_loss', 0.05961920693516731, 1795797928885, 0, 0, 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_accuracy_shift', 0.742, 1795797928885, 0, 0, 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('best_test_accuracy_high', 0.9851691194493271, 1795797928885, 0, 0, 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_accuracy_blur', 0.974, 1795797928885, 0, 0, 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('temperature', 1.0137586594629244, 1795797928885, 0, 0, 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('final_train_loss_by_seed', 0.05961920693516731, 1795797928885, 0, 0, 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('final_val_loss_by_seed', 0.0597030371427536, 1795797928885, 0, 0, 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('train_accuracy_by_seed', 0.98698, 1795797928885, 0, 0, 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('val_accuracy_by_seed', 0.9827, 1795797928885, 0, 0, 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_accuracy_by_seed', 0.9828, 1795797928885, 0, 0, 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('generalisation_gap_by_seed', 0.0041799999999999615, 1795797928885, 0, 0, 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_loss_by_seed', 0.047007061541080475, 1795797928885, 0, 0, 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_error_by_train_size', 0.017199999999999993, 1795797928885, 50000, 0, 'b8741131dc3d4179a1d88a8e515aad5f');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('train_loss', 0.12258123606443405, 1795797999499, 10, 0, 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('train_accuracy', 0.9771, 1795797999499, 10, 0, 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('val_loss', 0.08615944534540176, 1795797999499, 10, 0, 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('val_accuracy', 0.9728, 1795797999499, 10, 0, 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_error_count', 241.0, 1795797999499, 0, 0, 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_accuracy_noise', 0.474, 1795797999499, 0, 0, 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_loss', 0.0736972764134407, 1795797999499, 0, 0, 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_accuracy_rotation', 0.89, 1795797999499, 0, 0, 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('best_test_accuracy', 0.9759, 1795797999499, 0, 0, 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('robustness', 0.7800000000000001, 1795797999499, 0, 0, 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('train_seconds', 12.044366076000017, 1795797999499, 0, 0, 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_accuracy_thin', 0.926, 1795797999499, 0, 0, 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_accuracy_scale', 0.876, 1795797999499, 0, 0, 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('best_seed', 0.0, 1795797999499, 0, 0, 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('generalisation_gap', 0.0011999999999999789, 1795797999499, 0, 0, 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('ece_uncalibrated', 0.005204778352379799, 1795797999499, 0, 0, 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('best_test_accuracy_low', 0.9727064867566386, 1795797999499, 0, 0, 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('ece', 0.004021157184243202, 1795797999499, 0, 0, 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_accuracy_thick', 0.884, 1795797999499, 0, 0, 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('parameters', 79510.0, 1795797999499, 0, 0, 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('final_val_loss', 0.08615944534540176, 1795797999499, 0, 0, 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_accuracy_screen', 0.948, 1795797999499, 0, 0, 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_accuracy_inversion', 0.112, 1795797999499, 0, 0, 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('train_size', 50000.0, 1795797999499, 0, 0, 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_accuracy', 0.9759, 1795797999499, 0, 0, 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('final_train_loss', 0.12258123606443405, 1795797999499, 0, 0, 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_accuracy_shift', 0.94, 1795797999499, 0, 0, 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('best_test_accuracy_high', 0.9787280235883878, 1795797999499, 0, 0, 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_accuracy_blur', 0.97, 1795797999499, 0, 0, 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('temperature', 0.9664309360002796, 1795797999499, 0, 0, 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('final_train_loss_by_seed', 0.12258123606443405, 1795797999499, 0, 0, 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('final_val_loss_by_seed', 0.08615944534540176, 1795797999499, 0, 0, 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('train_accuracy_by_seed', 0.9771, 1795797999499, 0, 0, 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('val_accuracy_by_seed', 0.9728, 1795797999499, 0, 0, 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_accuracy_by_seed', 0.9759, 1795797999499, 0, 0, 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('generalisation_gap_by_seed', 0.0011999999999999789, 1795797999499, 0, 0, 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_loss_by_seed', 0.0736972764134407, 1795797999499, 0, 0, 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('test_error_by_train_size', 0.02410000000000001, 1795797999499, 50000, 0, 'fdc2ecc8fab94bf58851c37f5b5a1640');
INSERT INTO logged_models (model_id, experiment_id, name, artifact_location, creation_timestamp_ms, last_updated_timestamp_ms, status, lifecycle_stage, model_type, source_run_id, status_message) VALUES ('m-259f5fc95fac4d7dbc0713996ab99fd6', 5, 'mnist_ann', 'file://{HOME}/artifacts/models/m-259f5fc95fac4d7dbc0713996ab99fd6/artifacts', 1795797915375, 1795797915432, 2, 'active', NULL, '754996d036404a399832656037ff800e', NULL);
INSERT INTO logged_models (model_id, experiment_id, name, artifact_location, creation_timestamp_ms, last_updated_timestamp_ms, status, lifecycle_stage, model_type, source_run_id, status_message) VALUES ('m-488957e23e0c4c1e97c1f93e57f29890', 1, 'xor_mlp', 'file://{HOME}/artifacts/models/m-488957e23e0c4c1e97c1f93e57f29890/artifacts', 1795797878048, 1795797879113, 2, 'active', NULL, '37bbb77facd2456da9a4e8d88445961a', NULL);
INSERT INTO logged_models (model_id, experiment_id, name, artifact_location, creation_timestamp_ms, last_updated_timestamp_ms, status, lifecycle_stage, model_type, source_run_id, status_message) VALUES ('m-7d1cb720246f4210b1274838957dda8f', 5, 'mnist_cnn', 'file://{HOME}/artifacts/models/m-7d1cb720246f4210b1274838957dda8f/artifacts', 1795797927387, 1795797927433, 2, 'active', NULL, 'b8741131dc3d4179a1d88a8e515aad5f', NULL);
INSERT INTO logged_models (model_id, experiment_id, name, artifact_location, creation_timestamp_ms, last_updated_timestamp_ms, status, lifecycle_stage, model_type, source_run_id, status_message) VALUES ('m-a8f8dd67ac74482bab8cf63627bb2f85', 8, 'mnist_augmented', 'file://{HOME}/artifacts/models/m-a8f8dd67ac74482bab8cf63627bb2f85/artifacts', 1795797998533, 1795797998570, 2, 'active', NULL, 'fdc2ecc8fab94bf58851c37f5b5a1640', NULL);
INSERT INTO logged_models (model_id, experiment_id, name, artifact_location, creation_timestamp_ms, last_updated_timestamp_ms, status, lifecycle_stage, model_type, source_run_id, status_message) VALUES ('m-b9f864b7bbfe457698ffe40619c047e6', 8, 'mnist_augmented', 'file://{HOME}/artifacts/models/m-b9f864b7bbfe457698ffe40619c047e6/artifacts', 1795797999092, 1795797999143, 2, 'active', NULL, 'fdc2ecc8fab94bf58851c37f5b5a1640', NULL);
INSERT INTO logged_models (model_id, experiment_id, name, artifact_location, creation_timestamp_ms, last_updated_timestamp_ms, status, lifecycle_stage, model_type, source_run_id, status_message) VALUES ('m-ba486fc8aec34147bee44ed587818219', 5, 'mnist_cnn', 'file://{HOME}/artifacts/models/m-ba486fc8aec34147bee44ed587818219/artifacts', 1795797928495, 1795797928554, 2, 'active', NULL, 'b8741131dc3d4179a1d88a8e515aad5f', NULL);
INSERT INTO logged_models (model_id, experiment_id, name, artifact_location, creation_timestamp_ms, last_updated_timestamp_ms, status, lifecycle_stage, model_type, source_run_id, status_message) VALUES ('m-e30b3e5617244355915ea495bdf9fe61', 5, 'mnist_ann', 'file://{HOME}/artifacts/models/m-e30b3e5617244355915ea495bdf9fe61/artifacts', 1795797913808, 1795797913842, 2, 'active', NULL, '754996d036404a399832656037ff800e', NULL);
INSERT INTO logged_model_tags (model_id, experiment_id, tag_key, tag_value) VALUES ('m-259f5fc95fac4d7dbc0713996ab99fd6', 5, 'data', 'mnist');
INSERT INTO logged_model_tags (model_id, experiment_id, tag_key, tag_value) VALUES ('m-259f5fc95fac4d7dbc0713996ab99fd6', 5, 'mlflow.modelVersions', '[{"name": "mnist-digits", "version": "1"}]');
INSERT INTO logged_model_tags (model_id, experiment_id, tag_key, tag_value) VALUES ('m-b9f864b7bbfe457698ffe40619c047e6', 8, 'data', 'mnist');
INSERT INTO logged_model_tags (model_id, experiment_id, tag_key, tag_value) VALUES ('m-b9f864b7bbfe457698ffe40619c047e6', 8, 'mlflow.modelVersions', '[{"name": "mnist-digits", "version": "3"}]');
INSERT INTO logged_model_tags (model_id, experiment_id, tag_key, tag_value) VALUES ('m-ba486fc8aec34147bee44ed587818219', 5, 'data', 'mnist');
INSERT INTO logged_model_tags (model_id, experiment_id, tag_key, tag_value) VALUES ('m-ba486fc8aec34147bee44ed587818219', 5, 'mlflow.modelVersions', '[{"name": "mnist-digits", "version": "2"}]');
INSERT INTO registered_models (name, creation_time, last_updated_time, description, workspace) VALUES ('mnist-digits', 1795797915464, 1795797999156, 'Digit classifiers trained on mnist; `champion` serves.', 'default');
INSERT INTO model_versions (name, version, creation_time, last_updated_time, description, user_id, current_stage, source, run_id, status, status_message, run_link, storage_location, workspace) VALUES ('mnist-digits', 1, 1795797915470, 1795797967901, '- All weights are finite numbers.
- Its answers have the shape (10000, 10), as it must.
- Its answers are probabilities: the lowest is 3.7e-20, each row sums to 1 within 3e-07.
- It names 9736 of 10000 validation digits rightly: 97.36%, 95 % interval 97.03% to 97.66%; the least is 50%.
- Its ONNX form differs from Keras by at most 1.5e-06; 1e-05 is allowed.
- It takes 0.0092 ms an image; 1 is the most.
- There is no champion to beat.', NULL, 'None', 'file://{HOME}/artifacts/models/m-259f5fc95fac4d7dbc0713996ab99fd6/artifacts', '754996d036404a399832656037ff800e', 'READY', NULL, NULL, 'file://{HOME}/artifacts/models/m-259f5fc95fac4d7dbc0713996ab99fd6/artifacts', 'default');
INSERT INTO model_versions (name, version, creation_time, last_updated_time, description, user_id, current_stage, source, run_id, status, status_message, run_link, storage_location, workspace) VALUES ('mnist-digits', 2, 1795797928573, 1795797970764, '- All weights are finite numbers.
- Its answers have the shape (10000, 10), as it must.
- Its answers are probabilities: the lowest is 6.3e-17, each row sums to 1 within 2e-07.
- It names 9827 of 10000 validation digits rightly: 98.27%, 95 % interval 98.00% to 98.51%; the least is 50%.
- Its ONNX form differs from Keras by at most 7.7e-07; 1e-05 is allowed.
- It takes 0.0227 ms an image; 1 is the most.
- Its confidence is off by 0.46% on average (expected calibration error), the champion''s by 0.42%; 0.46% more is allowed.
- On corrupted digits it is right in 84.40%, the champion in 72.49%; 1% less is allowed. Beside the champion it is weakest under blur: 97.20% against 95.60%.
- On 154 digits the challenger alone is right, on 63 the champion alone: p = 5.6e-10 (exact McNemar test, level 0.05), significantly better.', NULL, 'None', 'file://{HOME}/artifacts/models/m-ba486fc8aec34147bee44ed587818219/artifacts', 'b8741131dc3d4179a1d88a8e515aad5f', 'READY', NULL, NULL, 'file://{HOME}/artifacts/models/m-ba486fc8aec34147bee44ed587818219/artifacts', 'default');
INSERT INTO model_versions (name, version, creation_time, last_updated_time, description, user_id, current_stage, source, run_id, status, status_message, run_link, storage_location, workspace) VALUES ('mnist-digits', 3, 1795797999156, 1795798036473, '- All weights are finite numbers.
- Its answers have the shape (10000, 10), as it must.
- Its answers are probabilities: the lowest is 5.6e-28, each row sums to 1 within 2e-07.
- It names 9728 of 10000 validation digits rightly: 97.28%, 95 % interval 96.94% to 97.58%; the least is 50%.
- Its ONNX form differs from Keras by at most 1.8e-06; 1e-05 is allowed.
- It takes 0.0084 ms an image; 1 is the most.
- Its confidence is off by 0.30% on average (expected calibration error), the champion''s by 0.46%; 0.52% more is allowed.
- On corrupted digits it is right in 78.49%, the champion in 84.40%; 1% less is allowed. Beside the champion it is weakest under noise: 51.40% against 95.80%.
- On 88 digits the challenger alone is right, on 187 the champion alone: p = 2.3e-09 (exact McNemar test, level 0.05), significantly worse.', NULL, 'None', 'file://{HOME}/artifacts/models/m-b9f864b7bbfe457698ffe40619c047e6/artifacts', 'fdc2ecc8fab94bf58851c37f5b5a1640', 'READY', NULL, NULL, 'file://{HOME}/artifacts/models/m-b9f864b7bbfe457698ffe40619c047e6/artifacts', 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('onnx_sha256', '452c4d6732cc9ba766dfc638cd0be8013d4c359cb8f3342b3f916dbe0e08f279', 'mnist-digits', 1, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('keras_sha256', 'c3105ad5a74232d75cf1078e3e2327921fca855ce2748dc5adec9d9907fff4b9', 'mnist-digits', 1, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('variant', 'mnist_ann', 'mnist-digits', 1, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('seed', '0', 'mnist-digits', 1, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('git_commit', '26e6bd798e45ebdb31384f30c61e64836f8a6f3d', 'mnist-digits', 1, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('data', 'mnist', 'mnist-digits', 1, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('data_digest', 'e133ead5f729ea6d37e282c27ee8e98a2c44466ca948edfa54ebd2ce733ecc10', 'mnist-digits', 1, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('validation_digest', '183dae1e6795cfd5610188fbe6673fec70a31f85485b8c9f2fef75d3b84776cf', 'mnist-digits', 1, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('onnx_ms', '0.009202000001096167', 'mnist-digits', 1, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('onnx_difference', '1.519918441772461e-06', 'mnist-digits', 1, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('weights_finite', 'True', 'mnist-digits', 1, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('temperature', '1.14205', 'mnist-digits', 1, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('robustness_by_corruption', '{"shift": 0.514, "rotation": 0.808, "scale": 0.77, "noise": 0.698, "blur": 0.956, "thick": 0.862, "thin": 0.912, "inversion": 0.052, "screen": 0.952}', 'mnist-digits', 1, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('onnx_sha256', 'b5da904b3956e9c2fadca223567151ad74c56da4a7627cb4d87252f0853fd183', 'mnist-digits', 2, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('keras_sha256', '6dae2afad4eb883a990b73d96c8b88974adb6e8a460fe165c82a75dc5d5e3c8d', 'mnist-digits', 2, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('variant', 'mnist_cnn', 'mnist-digits', 2, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('seed', '0', 'mnist-digits', 2, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('git_commit', '26e6bd798e45ebdb31384f30c61e64836f8a6f3d', 'mnist-digits', 2, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('data', 'mnist', 'mnist-digits', 2, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('data_digest', 'e133ead5f729ea6d37e282c27ee8e98a2c44466ca948edfa54ebd2ce733ecc10', 'mnist-digits', 2, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('validation_digest', '183dae1e6795cfd5610188fbe6673fec70a31f85485b8c9f2fef75d3b84776cf', 'mnist-digits', 2, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('onnx_ms', '0.022721000050296425', 'mnist-digits', 2, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('onnx_difference', '7.748603820800781e-07', 'mnist-digits', 2, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('weights_finite', 'True', 'mnist-digits', 2, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('temperature', '1.01376', 'mnist-digits', 2, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('robustness_by_corruption', '{"shift": 0.73, "rotation": 0.9, "scale": 0.946, "noise": 0.958, "blur": 0.972, "thick": 0.934, "thin": 0.95, "inversion": 0.226, "screen": 0.98}', 'mnist-digits', 2, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('val_accuracy', '0.9736', 'mnist-digits', 1, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('val_mistakes', '264', 'mnist-digits', 1, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('reasons', 'All weights are finite numbers.
Its answers have the shape (10000, 10), as it must.
Its answers are probabilities: the lowest is 3.7e-20, each row sums to 1 within 3e-07.
It names 9736 of 10000 validation digits rightly: 97.36%, 95 % interval 97.03% to 97.66%; the least is 50%.
Its ONNX form differs from Keras by at most 1.5e-06; 1e-05 is allowed.
It takes 0.0092 ms an image; 1 is the most.
There is no champion to beat.', 'mnist-digits', 1, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('decision', 'promoted', 'mnist-digits', 1, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('val_accuracy', '0.9827', 'mnist-digits', 2, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('val_mistakes', '173', 'mnist-digits', 2, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('calibration_error', '0.004582640752196312', 'mnist-digits', 2, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('robustness', '0.844', 'mnist-digits', 2, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('only_challenger_right', '154', 'mnist-digits', 2, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('only_champion_right', '63', 'mnist-digits', 2, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('p_value', '5.623339509180136e-10', 'mnist-digits', 2, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('champion_onnx_ms', '0.009234000003743859', 'mnist-digits', 2, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('reasons', 'All weights are finite numbers.
Its answers have the shape (10000, 10), as it must.
Its answers are probabilities: the lowest is 6.3e-17, each row sums to 1 within 2e-07.
It names 9827 of 10000 validation digits rightly: 98.27%, 95 % interval 98.00% to 98.51%; the least is 50%.
Its ONNX form differs from Keras by at most 7.7e-07; 1e-05 is allowed.
It takes 0.0227 ms an image; 1 is the most.
Its confidence is off by 0.46% on average (expected calibration error), the champion''s by 0.42%; 0.46% more is allowed.
On corrupted digits it is right in 84.40%, the champion in 72.49%; 1% less is allowed. Beside the champion it is weakest under blur: 97.20% against 95.60%.
On 154 digits the challenger alone is right, on 63 the champion alone: p = 5.6e-10 (exact McNemar test, level 0.05), significantly better.', 'mnist-digits', 2, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('decision', 'promoted', 'mnist-digits', 2, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('onnx_sha256', '972c04263e84d6799bced48db0b868f8750b0d6d62c140cfd04f03b728b67762', 'mnist-digits', 3, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('keras_sha256', 'cc372be7f2212582752c5e094351c8834ea293aaeef676f4ce2be9e195534aba', 'mnist-digits', 3, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('variant', 'mnist_augmented', 'mnist-digits', 3, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('seed', '0', 'mnist-digits', 3, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('git_commit', '26e6bd798e45ebdb31384f30c61e64836f8a6f3d', 'mnist-digits', 3, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('data', 'mnist', 'mnist-digits', 3, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('data_digest', 'e133ead5f729ea6d37e282c27ee8e98a2c44466ca948edfa54ebd2ce733ecc10', 'mnist-digits', 3, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('validation_digest', '183dae1e6795cfd5610188fbe6673fec70a31f85485b8c9f2fef75d3b84776cf', 'mnist-digits', 3, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('onnx_ms', '0.008449999995718827', 'mnist-digits', 3, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('onnx_difference', '1.8477439880371094e-06', 'mnist-digits', 3, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('weights_finite', 'True', 'mnist-digits', 3, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('temperature', '0.966431', 'mnist-digits', 3, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('robustness_by_corruption', '{"shift": 0.932, "rotation": 0.888, "scale": 0.884, "noise": 0.514, "blur": 0.958, "thick": 0.886, "thin": 0.926, "inversion": 0.114, "screen": 0.962}', 'mnist-digits', 3, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('val_accuracy', '0.9728', 'mnist-digits', 3, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('val_mistakes', '272', 'mnist-digits', 3, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('calibration_error', '0.003007983481884003', 'mnist-digits', 3, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('robustness', '0.7848888888888889', 'mnist-digits', 3, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('only_challenger_right', '88', 'mnist-digits', 3, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('only_champion_right', '187', 'mnist-digits', 3, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('p_value', '2.3242589116119028e-09', 'mnist-digits', 3, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('champion_onnx_ms', '0.021118000006481452', 'mnist-digits', 3, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('reasons', 'All weights are finite numbers.
Its answers have the shape (10000, 10), as it must.
Its answers are probabilities: the lowest is 5.6e-28, each row sums to 1 within 2e-07.
It names 9728 of 10000 validation digits rightly: 97.28%, 95 % interval 96.94% to 97.58%; the least is 50%.
Its ONNX form differs from Keras by at most 1.8e-06; 1e-05 is allowed.
It takes 0.0084 ms an image; 1 is the most.
Its confidence is off by 0.30% on average (expected calibration error), the champion''s by 0.46%; 0.52% more is allowed.
On corrupted digits it is right in 78.49%, the champion in 84.40%; 1% less is allowed. Beside the champion it is weakest under noise: 51.40% against 95.80%.
On 88 digits the challenger alone is right, on 187 the champion alone: p = 2.3e-09 (exact McNemar test, level 0.05), significantly worse.', 'mnist-digits', 3, 'default');
INSERT INTO model_version_tags (key, value, name, version, workspace) VALUES ('decision', 'refused', 'mnist-digits', 3, 'default');
INSERT INTO registered_model_aliases (alias, version, name, workspace) VALUES ('champion', 2, 'mnist-digits', 'default');
INSERT INTO registered_model_aliases (alias, version, name, workspace) VALUES ('previous', 1, 'mnist-digits', 'default');
INSERT INTO registered_model_aliases (alias, version, name, workspace) VALUES ('challenger', 3, 'mnist-digits', 'default');

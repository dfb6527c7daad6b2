import Testing

@testable import SoftmaxService

/// The options that make more of the loss than cross-entropy: right values, ends of the range, and what is refused.
struct LossOptionTests {
  @Test(arguments: [
    (
      "/gradient", #"{"logits": [1, 2, 3], "target": 1, "focal_gamma": 2}"#,
      #"{"loss":0.8029478243641426,"gradient":[0.0982043455123246,-0.8238417636616595,0.7256374181493349]}"#
    ),
    (
      "/gradient", #"{"logits": [1, 2, 3], "target": 1, "z_loss": 1e-4}"#,
      #"{"loss":1.408767142285272,"gradient":[0.090091930914004,-0.7551047413056752,0.66569433158456]}"#
    ),
    (
      "/gradient", #"{"logits": [1, 2, 3], "target": 1, "softcap": 30}"#,
      #"{"loss":1.40318742383262,"gradient":[0.09056288296740586,-0.7508457547419405,0.6569329911929005]}"#
    ),
    // (1-p)^γ is below every number, and 1-p itself is.
    (
      "/gradient", #"{"logits": [1e10, 0], "target": 0, "focal_gamma": 0.5}"#,
      #"{"loss":0.0,"gradient":[0.0,0.0]}"#
    ),
    (
      "/gradient", #"{"logits": [1e10, 0], "target": 1, "focal_gamma": 1e308}"#,
      #"{"loss":10000000000.0,"gradient":[1.0,-1.0]}"#
    ),
    (
      "/gradient", #"{"logits": [0, 0], "target": 1, "focal_gamma": 5e-324}"#,
      #"{"loss":0.6931471805599453,"gradient":[0.5,-0.5]}"#
    ),
    // A masked target has p = 0, and a class alone p = 1.
    (
      "/gradient", #"{"logits": [5, "-Infinity"], "target": 1, "focal_gamma": 1, "z_loss": 0.1}"#,
      #"{"loss":"Infinity","gradient":[2.0,-1.0]}"#
    ),
    (
      "/gradient", #"{"logits": [5, "-Infinity"], "target": 0, "focal_gamma": 1}"#,
      #"{"loss":0.0,"gradient":[0.0,0.0]}"#
    ),
    // One class: LSE = 3/3, rational, and 2λ·1/T.
    (
      "/gradient", #"{"logits": [3], "target": 0, "temperature": 3, "z_loss": 9}"#, #"{"loss":9.0,"gradient":[6.0]}"#
    ),
    // 1.5 times the least number, exactly: a tie.
    (
      "/loss", #"{"logits": [1], "target": 0, "z_loss": 1.5e-323, "sample_weight": 0.5, "reduction": "sum"}"#,
      #"{"loss":1e-323}"#
    ),
    ("/loss", #"{"logits": [1e300, 0], "target": 0, "z_loss": 1}"#, #"{"loss":"Infinity"}"#),
    ("/loss", #"{"logits": [1e300, 0], "target": 0, "z_loss": 1e-300}"#, #"{"loss":1.0000000000000002e300}"#),
    ("/loss", #"{"logits": [3e19, 0], "target": 0, "z_loss": 1, "dtype": "float32"}"#, #"{"loss":"Infinity"}"#),
    // tanh is 1 except for what no number holds; the slope is 0; the order stays.
    (
      "/softmax", #"{"logits": [1e300, 1e301, -1e300], "softcap": 1, "outputs": ["probabilities", "argmax"]}"#,
      #"{"probabilities":[0.4683105308334812,0.4683105308334812,0.06337893833303762],"argmax":1}"#
    ),
    (
      "/gradient", #"{"logits": [1e300, 1e301], "target": 0, "softcap": 1e-300}"#,
      #"{"loss":0.6931471805599453,"gradient":[0.0,0.0]}"#
    ),
    // A cap far above the logits changes nothing that a number holds, except for a tie.
    (
      "/softmax", #"{"logits": [1, 2, 3], "softcap": 1e300}"#,
      #"{"probabilities":[0.09003057317038046,0.24472847105479764,0.6652409557748219]}"#
    ),
    ("/softmax", #"{"logits": [7], "softcap": 1e300, "outputs": ["log_sum_exp"]}"#, #"{"log_sum_exp":7.0}"#),
    // Half-way between two numbers, and what the cap takes off decides.
    (
      "/softmax", #"{"logits": [9007199254740991], "temperature": 2, "softcap": 1e300, "outputs": ["log_sum_exp"]}"#,
      #"{"log_sum_exp":4503599627370495.5}"#
    ),
    (
      "/softmax", #"{"logits": [16777217], "softcap": 1e300, "dtype": "float32", "outputs": ["log_sum_exp"]}"#,
      #"{"log_sum_exp":16777216.0}"#
    ),
    (
      "/softmax", #"{"logits": [16777219], "softcap": 1e300, "dtype": "float32", "outputs": ["log_sum_exp"]}"#,
      #"{"log_sum_exp":16777218.0}"#
    ),
    (
      "/softmax", #"{"logits": [0, 0], "softcap": 3, "outputs": ["jacobian"]}"#,
      #"{"jacobian":[[0.25,-0.25],[-0.25,0.25]]}"#
    ),
    (
      "/gradient",
      #"{"logits": [1, 2, 3], "target_logits": [-1, 0.5, 2], "temperature": 2, "outputs": ["kl_divergence", "gradient"]}"#,
      #"{"kl_divergence":0.01684293091389935,"gradient":[0.027361038039466615,0.014297598261112683,-0.041658636300579296]}"#
    ),
    // The teacher is the student, shifted; then permuted, except for two classes that stay.
    (
      "/gradient", #"{"logits": [1, 2, 3], "target_logits": [4, 5, 6], "outputs": ["kl_divergence", "gradient"]}"#,
      #"{"kl_divergence":0.0,"gradient":[0.0,0.0,0.0]}"#
    ),
    (
      "/gradient", #"{"logits": [0, 1, 2, 0.5], "target_logits": [2, 1, 0, 0.5], "outputs": ["gradient"]}"#,
      #"{"gradient":[-0.5008644127245341,0.0,0.5008644127245341,0.0]}"#
    ),
    // A class that the student masks and the teacher has.
    (
      "/gradient", #"{"logits": [0, "-Infinity"], "target_logits": [0, 0], "outputs": ["kl_divergence", "gradient"]}"#,
      #"{"kl_divergence":"Infinity","gradient":[0.5,-0.5]}"#
    ),
    (
      "/loss", #"{"logits": [5, 5, 5, 5], "target": [0.25, 0.25, 0.25, 0.25], "outputs": ["kl_divergence"]}"#,
      #"{"kl_divergence":0.0}"#
    ),
    // 4/16 log 1/2 + 1/4 log 2: zero, which 16,384 bits find.
    (
      "/loss",
      #"{"logits": [5,5,5,5,5,5,5,5], "target": [0.0625,0.0625,0.0625,0.0625,0.25,0.125,0.125,0.125], "outputs": ["kl_divergence"]}"#,
      #"{"kl_divergence":0.0}"#
    ),
    (
      "/loss", #"{"probabilities": [0.25, 0.75], "target": [0.25, 0.75], "outputs": ["kl_divergence"]}"#,
      #"{"kl_divergence":0.0}"#
    ),
    // With a vector, its product is a default output.
    (
      "/gradient", #"{"logits": [1, 2, 3], "target": 1, "vector": [1, 0, -1]}"#,
      #"{"loss":1.4076059644443804,"gradient":[0.09003057317038046,-0.7552715289452023,0.6652409557748219],"#
        + #""hessian_vector_product":[0.14181709360981215,0.14077035746963013,-0.2825874510794423]}"#
    ),
    (
      "/gradient", #"{"logits": [1, 2, 3], "target": 1, "vector": [4, 4, 4], "outputs": ["hessian_vector_product"]}"#,
      #"{"hessian_vector_product":[0.0,0.0,0.0]}"#
    ),
    (
      "/gradient", #"{"probabilities": [0.2, 0.5, 0.3], "target": 1}"#,
      #"{"loss":0.6931471805599453,"gradient":[0.0,-2.0,0.0]}"#
    ),
    (
      "/gradient", #"{"probabilities": [0, 1, 0.3], "target": [0.5, 0.25, 0], "upstream": -2}"#,
      #"{"loss":"Infinity","gradient":["Infinity",0.5,0.0]}"#
    ),
    ("/loss", #"{"probabilities": [1, 0], "target": 0}"#, #"{"loss":0.0}"#),
    ("/loss", #"{"probabilities": [5e-324, 1], "target": 0}"#, #"{"loss":744.4400719213812}"#),
    ("/loss", #"{"probabilities": [0.9999999999999999, 1], "target": 0}"#, #"{"loss":1.1102230246251565e-16}"#),
    // An ignored item, and one without weight, gain nothing; a class without weight does.
    (
      "/gradient", #"{"logits": [[1, 1], [9, 9]], "target": [0, -100], "z_loss": 1, "outputs": ["gradient"]}"#,
      #"{"gradient":[[1.1931471805599454,2.1931471805599454],[0.0,0.0]]}"#
    ),
    (
      "/loss", #"{"logits": [[2], [9]], "target": [0, 0], "sample_weight": [1, 0], "z_loss": 1, "reduction": "none"}"#,
      #"{"loss":[4.0,0.0]}"#
    ),
    (
      "/loss", #"{"logits": [2, "-Infinity"], "target": 0, "weight": [0, 1], "z_loss": 1, "reduction": "sum"}"#,
      #"{"loss":4.0}"#
    ),
  ])
  func aRequestGetsTheseBytes(_ path: String, _ body: String, _ expected: String) {
    #expect(text(post(path, body)) == expected)
  }

  @Test(arguments: [
    BadBody("/loss", #"{"logits": [1, 2], "target": 0, "z_loss": -1}"#, ("#/z_loss", ["is -1", "at least 0"])),
    BadBody("/loss", #"{"logits": [1, 2], "target": 0, "focal_gamma": 1e999}"#, ("#/focal_gamma", ["at most 1.79"])),
    BadBody("/softmax", #"{"logits": [1, 2], "softcap": 0}"#, ("#/softcap", ["greater than 0", "leave it out"])),
    BadBody(
      "/gradient", #"{"logits": [1, 2], "target": 0, "softcap": 3, "outputs": ["derivation"]}"#,
      ("#/softcap", ["\"derivation\"", "\"temperature\""])),
    BadBody(
      "/loss", #"{"logits": [1, 2], "target": 0, "focal_gamma": 2, "label_smoothing": 0.1}"#,
      ("#/focal_gamma", ["\"label_smoothing\"", "one or the other"])),
    BadBody(
      "/gradient", #"{"logits": [1, 2], "target": [0, 1], "focal_gamma": 2}"#,
      ("#/focal_gamma", ["class indices", "holds probabilities"])),
    BadBody("/softmax", #"{"logits": [[1, 2]], "axis": [0, 1]}"#, ("#/axis", ["an array", "flatten them"])),
    BadBody("/softmax", #"{"logits": [1], "temperature": 0}"#, ("#/temperature", ["\"argmax\""])),
    BadBody(
      "/loss", #"{"logits": [[1], [2]], "target": [[1], [0.5]]}"#,
      ("#/target/1/0", ["always 1", "[0, z]", "[1-t, t]"])),
    BadBody(
      "/loss", #"{"logits": [1, 2], "probabilities": [0, 1], "target": 0, "target_logits": [1, 2]}"#,
      ("#/probabilities", ["\"logits\""]), ("#/target_logits", ["\"target\"", "one or the other"]),
      ("#/target_logits", ["option of softmax"])),
    BadBody("/loss", #"{"target_logits": [1, 2]}"#, ("#", ["\"logits\" is missing"])),
    BadBody(
      "/loss", #"{"probabilities": [1, 2, -0.5], "target": 0}"#, ("#/probabilities/1", ["is 2", "from 0 to 1"]),
      ("#/probabilities/2", ["-0.5"])),
    BadBody("/loss", #"{"probabilities": ["-Infinity", 1], "target": 0}"#, ("#/probabilities/0", ["-Infinity"])),
    BadBody(
      "/loss", #"{"probabilities": [1, 0], "target": 0, "softcap": 2, "z_loss": 1}"#,
      ("#/softcap", ["send \"logits\""]),
      ("#/z_loss", ["needs \"logits\", and \"probabilities\" stand in their place; leave it out, or send \"logits\""])),
    BadBody("/loss", #"{"probabilities": [1, 0], "target": 0, "focal_gamma": 2}"#, ("#/focal_gamma", ["needs \"log"])),
    BadBody(
      "/loss", #"{"logits": [1, 2], "target_logits": [1, 2, 3]}"#, ("#/target_logits", ["shape [3]", "shape [2]"])),
    BadBody(
      "/loss", #"{"logits": [[1, 2]], "target_logits": [["-Infinity", "-Infinity"]]}"#,
      ("#/target_logits/0", ["masks every class"])),
    BadBody(
      "/loss", #"{"logits": [1, 2], "target_logits": [1, 2], "ignore_index": 1}"#,
      ("#/ignore_index", ["target_logits", "sample_weight"])),
    BadBody(
      "/loss", #"{"logits": [1, 2], "target": 0, "outputs": ["kl_divergence"]}"#,
      ("#/outputs/0", ["needs probabilities", "it is the loss"])),
    BadBody(
      "/loss",
      #"{"logits": [1, 2], "target_logits": [1, 2], "weight": [1, 1], "label_smoothing": 0.1, "outputs": "kl_divergence"}"#,
      ("#/weight", ["\"kl_divergence\""]), ("#/label_smoothing", ["\"kl_divergence\""])),
    BadBody(
      "/gradient", #"{"logits": [1, 2], "target": 0, "outputs": ["hvp", "hessian_vector_product"]}"#,
      ("#/outputs/0", ["nearest is \"hessian_vector_product\""]), ("#/outputs/1", ["needs \"vector\""])),
    BadBody(
      "/gradient", #"{"logits": [1, 2], "target": 0, "vector": [1, "-Infinity"]}"#,
      ("#/vector/1", ["a finite number"])),
    BadBody(
      "/gradient", #"{"logits": [1, 2], "target": 0, "vector": [1, 0], "focal_gamma": 1, "softcap": 2}"#,
      ("#/softcap", ["cross-entropy alone"]), ("#/focal_gamma", ["cross-entropy alone"])),
    BadBody("/softmax", #"{"logits": [1, 2], "probabilities": [1, 0]}"#, ("#/probabilities", ["is an output"])),
    BadBody("/loss", #"{"logits": [1, 2], "target": 0, "gamma": 2}"#, ("#/gamma", ["nearest is \"focal_gamma\""])),
    BadBody("/softmax", #"{"logits": [1, 2], "z_loss": 2}"#, ("#/z_loss", ["belongs to /loss, /gradient and /check"])),
  ])
  func whatDoesNotFitIsRefused(_ bad: BadBody) throws {
    try bad.expectRefusal()
  }
}

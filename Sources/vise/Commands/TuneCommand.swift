public import ArgumentParser
public import ViseTraining

/// Trains what a plan leaves of an ONNX classifier, and writes it.
struct TuneCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tune",
    abstract: "Recover accuracy: train what a plan leaves of an ONNX classifier, and write it.",
    discussion: """
      Training follows the labels, the original model's outputs (--distill), or both; with --distill 1 \
      no labels are needed. Channels that are gone stay gone and pruned weights stay zero. Integer \
      weights are trained through their rounding (straight-through) on the plan's scales; layers in \
      other formats keep the plan's values. Unfinished work is kept beside the file, in OUT.training, \
      and picked up again.
      """)

  @OptionGroup var input: ModelArguments

  @Option(help: "The plan file; without one the model itself is trained.")
  var plan: String?

  @Option(help: "The ONNX file to write.")
  var out: String

  @Option(help: "Labelled images that are not trained on, in the form of --data, to measure with.")
  var against: String?

  @Option(help: "How often every image is seen.")
  var epochs = 5

  @Option(help: "Images of one step.")
  var batch = 128

  @Option(help: "The largest learning rate; 0.02 for sgd and 0.001 for adam by default.")
  var rate: Float?

  @Option(help: "How weights follow their gradients: sgd (Nesterov's momentum 0.9) or adam.")
  var optimizer = OptimizerName.sgd

  @Option(help: "The learning rate over time: cosine, one-cycle or constant.")
  var schedule = LearningRate.Schedule.cosine

  @Option(help: "Weight decay of filters and matrices.")
  var decay: Float = 5e-4

  @Option(help: "The weight of the original model's outputs in the loss, from 0 to 1.")
  var distill: Float = 0.5

  @Option(help: "By which logits are divided before they are compared with the original's.")
  var temperature: Float = 4

  @Flag(help: "Mirror every other image from left to right.")
  var mirror = false

  @Option(help: "Move images by up to this many pixels along each side.")
  var shift = 0

  @Flag(
    inversion: .prefixedNo,
    help: "Give convolutions normalizations while training goes on; they are folded in the end.")
  var normalize = true

  @Option(help: "Seed of the images' order and changes.")
  var seed: UInt64 = 1

  @Option(help: "Use at most this many images.")
  var limit: Int?

  @Flag(help: "Discard unfinished work.")
  var restart = false

  @Flag(help: "Replace an existing file.")
  var overwrite = false

  @OptionGroup var imageOptions: ImageOptions

  @OptionGroup var calibration: CalibrationOptions

  @OptionGroup var options: RunOptions

  enum OptimizerName: String, ExpressibleByArgument, CaseIterable { case sgd, adam }

  func validate() throws {
    guard epochs > 0, batch > 0, shift >= 0, limit ?? 1 > 0 else {
      throw ValidationError("--epochs, --batch and --limit are positive, --shift is not negative")
    }
    guard rate ?? 1 > 0, rate?.isFinite ?? true, decay >= 0, decay.isFinite else {
      throw ValidationError("--rate is positive and --decay not negative")
    }
    guard (0...1).contains(distill), temperature > 0, temperature.isFinite else {
      throw ValidationError("--distill lies between 0 and 1, --temperature is positive")
    }
  }

  func run() throws {
    try CommandRunner.run {
      try GraphTuning(
        path: input.model, planPath: plan, out: out, against: against,
        calibration: calibration.calibration, replacing: overwrite, restarts: restart,
        limit: limit, normalizes: normalize, training: training, imageOptions: imageOptions,
        options: options
      ).run(json: input.json)
    }
  }

  private var training: TrainingOptions {
    var training = TrainingOptions()
    training.method =
      optimizer == .sgd ? .sgd(momentum: 0.9) : .adam(beta1: 0.9, beta2: 0.999)
    training.schedule = schedule
    training.rate = rate ?? (optimizer == .sgd ? 0.02 : 0.001)
    training.decay = decay
    training.epochs = epochs
    training.batchLength = batch
    training.loss = DistillationLoss(teacherWeight: distill, temperature: temperature)
    training.augmentation = ImageAugmentation(mirrors: mirror, shift: shift)
    training.seed = seed
    return training
  }
}

extension LearningRate.Schedule: ExpressibleByArgument {}

import Glibc
import ViseCompression
import ViseDevices
import ViseEvaluation
import ViseFormats
import ViseGraphs
import ViseImages
import ViseModels
import ViseSearch
import ViseTensor
import ViseTraining
import ViseTrials

/// The sentences users read for the errors of every module; names from files are made printable.
enum ErrorText {
  static func describe(_ error: any Error) -> String {
    printable(sentence(error))
  }

  /// Control characters as U+FFFD, so that no file can drive the terminal.
  static func printable(_ text: String) -> String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.map { scalar in
          switch scalar.properties.generalCategory {
          case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: "\u{FFFD}"
          default: scalar
          }
        }))
  }

  private static func sentence(_ error: any Error) -> String {
    switch error {
    case let error as StorageError: storage(error)
    case let error as ModelError: model(error)
    case let error as PlanFileError: planFile(error)
    case let error as WriteError: write(error)
    case let error as TokenizerError: "the tokenizer cannot be used: \(error)"
    case let error as BLASError: blas(error)
    case let error as CalibrationError: calibration(error)
    case let error as RewriteError: rewrite(error)
    case let error as GraphRewriteError: graphRewrite(error)
    case let error as LinearAlgebraError: linearAlgebra(error)
    case let error as TrialStoreError: trialStore(error)
    case let error as DeviceProfileError: deviceProfile(error)
    case let error as SearchSpaceError: searchSpace(error)
    case let error as SearchJournalError: searchJournal(error)
    case let error as ClusterError: cluster(error)
    case SearchError.otherInputs:
      "this machine's model, text or version of Vise is not that of the search"
    case SearchError.nothingFound(.leastCost(let floor)):
      "no plan that was measured has a mean KL of \(floor) nats or less"
    case SearchError.nothingFound(.leastLoss):
      "no plan within the limits was measured; give the search more time"
    case BlockDropError.notRemovable(let block):
      "block \(block) cannot be dropped: something of it, such as a bias, would remain"
    case BlockDropError.nothingWouldRemain: "no block would remain"
    case EvaluationError.textTooShort(let tokens, let needed):
      "the text has \(tokens) tokens; at least \(needed) are needed"
    case ExportError.sourceIsNotGGUF:
      "GGUF can only be written from a GGUF file; --to safetensors, dense or compressed-tensors "
        + "take any source"
    case ExportError.untranslatable(let what):
      "\(what) has no place in a Hugging Face folder"
    case ExportError.unsuitable(let misfits):
      "the plan does not fit the target: "
        + misfits.map { "\"\($0.site)\" (\($0.treatment)): \($0.reason)" }.joined(separator: "; ")
    case InputError.notUTF8(let path): "\(path) is not UTF-8 text"
    case InputError.nothingTimed:
      "no plan could be timed: the machine is busy, or the weights do not fit --memory"
    case InputError.noPlansForONNX: "plans do not apply to ONNX models yet"
    case InputError.noLabels: "an IDX file of images needs --labels"
    case InputError.noImages: "an ONNX classifier needs --data with labelled images"
    case SentencePairsError.invalidLine(let path, let line):
      "\(path): line \(line): not two texts and a number with commas between them"
    case SentencePairsError.tooFew(let path, let count): "\(path): only \(count) pairs"
    case SentencePairsError.notUTF8(let path): "\(path): not UTF-8 text"
    case InputError.notForONNX(let only): "ONNX models take \(only)"
    case InputError.notONNX: "only ONNX models are written as ONNX"
    case let error as WhatIfError: whatIf(error)
    case let error as ImageSetError: images(error)
    case let error as TrainingError: training(error)
    case let error as ImageError: image(error)
    case let error as ImageDeclaration.Fault: declaration(error)
    case InputError.noSampleModel:
      "no sample model found; name a model, or set VISE_SAMPLES to the SampleModels folder"
    case InputError.noSampleText:
      "no text to measure quality on; name one with --text, or set VISE_SAMPLES to the "
        + "SampleModels folder"
    case InputError.otherTokens(let path):
      "\(path) makes other tokens of the text, so the two cannot be compared token by token"
    case InputError.noSuchColumn(let name, let known):
      "there is no column \"\(name)\"; there are \(known.joined(separator: ", "))"
    case InputError.noTrialStore: "no trials are kept: VISE_TRIALS is off, or there is no home"
    case InputError.unknownDevice(let name, let known):
      "no device is called \"\(name)\"; known are \(known.joined(separator: ", "))"
    default: "\(error)"
    }
  }

  static func storage(_ error: StorageError) -> String {
    switch error {
    case .cannotOpen(let path, let code): "\(path) cannot be opened: \(systemText(code))"
    case .notARegularFile(let path): "\(path) is no regular file"
    case .cannotMap(let path, let code): "\(path) cannot be mapped: \(systemText(code))"
    }
  }

  private static func blas(_ error: BLASError) -> String {
    switch error {
    case .unavailable(let reason): "OpenBLAS cannot be loaded: \(reason)"
    }
  }

  private static func model(_ error: ModelError) -> String {
    switch error {
    case .unsupportedArchitecture(let name):
      "the architecture \"\(name)\" cannot be run; its layers can be browsed"
    case .invalidMetadata(let key, let reason): "metadata \"\(key)\": \(reason)"
    case .missingWeight(let name): "the checkpoint has no weight \"\(name)\""
    case .shapeMismatch(let weight, let expected, let found):
      "weight \"\(weight)\" has shape \(found), expected \(expected)"
    case .undecodable(let weight, let type):
      "weight \"\(weight)\" of type \(type) cannot be decoded"
    case .treatmentFailed(let site, let treatment, let reason):
      "\"\(site)\" cannot be treated with \(treatment): \(compression(reason))"
    case .tokenOutOfRange(let token, let vocabulary):
      "token \(token) lies outside the vocabulary of \(vocabulary)"
    }
  }

  private static func compression(_ error: CompressionError) -> String {
    switch error {
    case .unsuitable(let reason): reason
    case .needsCalibration(let method):
      "\(method) needs calibration data; pass --calibration with a file of vise calibrate"
    case .wrongCalibrationWidth(let expected, let found):
      "the calibration has inputs of \(found) features, the site of \(expected)"
    case .numericalFailure(let reason): reason
    }
  }

  private static func planFile(_ error: PlanFileError) -> String {
    let place = error.line.map { "plan, line \($0): " } ?? "plan: "
    return place + planReason(error.reason)
  }

  private static func planReason(_ reason: PlanFileError.Reason) -> String {
    switch reason {
    case .syntax(let words): words
    case .unsupportedVersion: "only version = 1 is known"
    case .unknownKey(let key): "unknown key \"\(key)\""
    case .unknownFormat(let name):
      "unknown format \"\(name)\"; known are keep, "
        + NumberFormat.encodable.map(\.name).joined(separator: ", ")
    case .wrongType(let key): "\"\(key)\" has a value of the wrong type"
    case .badValue(let key, let value, let expected):
      "\(key) = \"\(value)\": expected \(expected)"
    case .unresolvedRank(let rule):
      "rank = \"\(rule)\" is found from the weights: vise plan resolve writes the plan with numbers"
    case .unsuitable(let site, let treatment, let reason):
      "\"\(site)\" cannot be treated with \(treatment): \(reason)"
    case .noSuchSite(let pattern): "no site matches \"\(pattern)\""
    case .doesNotFit(let site, let format):
      "\(format) fits no row of \"\(site)\", nor does a larger format"
    }
  }

  private static func write(_ error: WriteError) -> String {
    switch error {
    case .alreadyExists(let path): "\(path) exists; pass --overwrite to replace it"
    case .cannotCreate(let path, let code): "\(path) cannot be created: \(systemText(code))"
    case .notEnoughSpace(let path, let needed, let available):
      "\(path) needs \(needed) bytes; the disk has \(available) free"
    case .writeFailed(let path, let code): "writing \(path) failed: \(systemText(code))"
    case .cannotRename(let path, let code): "\(path) cannot be put in place: \(systemText(code))"
    case .wrongByteCount(let tensor, let expected, let written):
      "tensor \"\(tensor)\" gave \(written) bytes instead of \(expected)"
    }
  }

  private static func calibration(_ error: CalibrationError) -> String {
    switch error {
    case .notACalibration(let path): "\(path) is no finished calibration file of version 1"
    case .wrongModel(let path): "\(path) was made for another model"
    case .unusableInput(let path, let name):
      "\(path) lacks the statistics of \"\(name)\", or has them in another shape"
    case .notFinite(let name): "the statistics of \"\(name)\" are not finite"
    case .sameText:
      "the calibration text and the evaluation text are the same, or one is a part of the other; "
        + "what is measured would look better than it is"
    case .noInputs: "the model has no linear site to calibrate"
    }
  }

  private static func rewrite(_ error: RewriteError) -> String {
    switch error {
    case .notRotatable(let reason): "the model cannot be rotated: \(reason)"
    case .notFactorable(let reason): "the value heads cannot be made shorter: \(reason)"
    case .otherBase(let weight): "the base model has no \"\(weight)\" of the same shape"
    case .equalToBase: "the model's layers are those of its base"
    case .nothingToScale: "no channels of the model can be scaled so"
    case .needsCalibration(let name): "the statistics of \"\(name)\" are needed and missing"
    case .overflow(let weight):
      "values of \"\(weight)\" are too large for the float type; --floats f32 holds them"
    }
  }

  private static func whatIf(_ error: WhatIfError) -> String {
    switch error {
    case .noConvolutions: "the model has no convolution whose output could be masked"
    case .noSuchValue(let name): "no operation of the model makes \"\(name)\""
    case .noExits: "no value inside the model can have an exit that saves anything"
    case .unusableValue(let name, let shape):
      "\"\(name)\" of shape \(shape) is not images × features, × tokens × features or "
        + "× channels × planes of 32-bit floats"
    case .tooFewImages(let count, let needed):
      "\(count) images are too few to fit on and to judge by; at least \(needed) are needed"
    }
  }

  private static func graphRewrite(_ error: GraphRewriteError) -> String {
    switch error {
    case .nothingToEqualize:
      "no two layers of the model have only a ReLU, a leaky ReLU, a PReLU, pooling or nothing "
        + "between them that no other operation reads"
    case .nothingToSmooth: "no layer normalization of the model is read by linear layers alone"
    case .needsCalibration(let name): "the statistics of \"\(name)\" are needed and missing"
    }
  }

  private static func images(_ error: ImageSetError) -> String {
    switch error {
    case .wrongShape(let images, let labels):
      "images of shape \(images) with labels of shape \(labels) do not go together"
    case .unsupportedType(let type): "images or labels of type \(type.name) are not supported"
    case .wrongChannels(let expected, let found):
      "\(expected) channels need as many means and deviations other than 0, not \(found)"
    case .labelOutOfRange(let label, let classes): "label \(label) of \(classes) classes"
    case .empty: "there are no images"
    }
  }

  private static func training(_ error: TrainingError) -> String {
    switch error {
    case .nothingToTrain: "the plan leaves no weight that could be trained"
    case .noExamples: "there are no images to train on"
    case .wrongOutput(let shape, let examples):
      "the model gives an output of shape \(shape) for \(examples) images; a classifier is needed"
    case .wrongTeacher(let shape, let expected):
      "the original model's output has shape \(shape), the planned one's \(expected)"
    case .labelOutOfRange(let label, let classes): "label \(label) of \(classes) classes"
    case .diverged(let step):
      "the loss is no number any more at step \(step + 1); a smaller --rate may help"
    case .otherRun(let path):
      "\(path) is unfinished training of another model, plan, data or options; --restart discards it"
    case .damagedCheckpoint(let path):
      "\(path) is no unfinished training that can go on; --restart discards it"
    }
  }

  private static func linearAlgebra(_ error: LinearAlgebraError) -> String {
    switch error {
    case .notPositiveDefinite(let order):
      "a matrix is not positive definite from its row \(order) on"
    case .singular(let row): "a triangular matrix has a zero in row \(row + 1)"
    case .didNotConverge: "a decomposition did not converge"
    case .notFinite: "a matrix holds an infinity or no number"
    case .tooLarge(let rows, let columns): "a \(rows) × \(columns) matrix is too large for LAPACK"
    case .unavailable: "LAPACK is not available; it comes with OpenBLAS"
    }
  }

  private static func trialStore(_ error: TrialStoreError) -> String {
    switch error {
    case .damaged(let path, let reason): "the trial store \(path) is damaged: \(reason)"
    case .newerSchema(let path, let version, let known):
      "the trial store \(path) has version \(version) of a newer Vise; this one knows \(known)"
    case .foreign(let path): "\(path) is a database, but no trial store"
    case .unavailable(let path, let reason): "the trial store \(path) cannot be used: \(reason)"
    }
  }

  static func systemText(_ code: Int32) -> String { String(cString: strerror(code)) }
}

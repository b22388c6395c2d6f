import ArgumentParser
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

/// Runs a command's work and turns what it throws into a sentence and an exit code.
///
/// 0 done, 1 failed or target missed, 2 bad usage or input, 130 interrupted.
enum CommandRunner {
  ///
  /// - Parameter leavesNothing: whether Ctrl-C may end the work anywhere: it writes no files but by
  ///   renaming them.
  static func run(leavesNothing: Bool = false, _ body: () throws -> Void) throws {
    Interrupt.install(endsSoon: leavesNothing)
    do {
      try body()
    } catch is CancelledError {
      StandardError.write("vise: interrupted\n")
      throw ExitCode(130)
    } catch let code as ExitCode {
      throw code
    } catch {
      StandardError.write("vise: \(ErrorText.describe(error))\n")
      throw ExitCode(isInputError(error) ? 2 : 1)
    }
  }

  private static func isInputError(_ error: any Error) -> Bool {
    switch error {
    case is CheckpointError, is ModelError, is PlanFileError, is TokenizerError, is StorageError,
      is EvaluationError, is CalibrationError, is ExportError, is BlockDropError, is RewriteError,
      is InputError, is DeviceProfileError, is SearchSpaceError, is ONNXError, is GraphError,
      is OperatorFault, is ArrayFileError, is ImageSetError, is BERTGraph.Fault,
      is SentencePairsError, is GradientError, is TrainingError, is ImageDeclaration.Fault,
      is ImageError, is GraphRewriteError,
      is WhatIfError:
      true
    default: false
    }
  }
}

/// A fault in what the user gave a command.
enum InputError: Error, Equatable {
  case notUTF8(path: String)
  case noSampleModel
  case noSampleText
  /// A model makes other tokens of the text than the one it is compared with.
  case otherTokens(path: String)
  /// A table has no such column; it has those of `known`.
  case noSuchColumn(name: String, known: [String])
  /// There is no home, or `$VISE_TRIALS` is `off`.
  case noTrialStore
  case nothingTimed
  case noPlansForONNX
  case noImages
  case noLabels
  /// Of the command's options only those named work on ONNX models.
  case notForONNX(only: String)
  /// ONNX was asked for of another model.
  case notONNX
  case unknownDevice(String, known: [String])
}

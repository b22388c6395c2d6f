import Synchronization
import ViseCompression
public import ViseEstimates
public import ViseGraphs
public import ViseModels
import ViseTensor

/// Evaluates plans in the background and reports what it learns as values.
///
/// One thread of its own decides what to do next and hands the arithmetic to a pool of low
/// priority; callers only leave wishes. Newer wishes cancel older work between two operations.
public final class Engine: Sendable {
  /// How an engine runs.
  public struct Options: Sendable {
    /// The text quality is measured on.
    public var textPath: String
    /// At most this many of the text's tokens are used.
    public var tokenLimit: Int
    public var windowLength: Int
    public var memoryByteCount: Int
    /// Statistics of the model's inputs, from a calibration.
    public var calibrationPath: String?
    public var niceness: Int32
    /// Where treated sites are kept beyond this session.
    public var levels: LevelDatabase?
    /// Where effects of single sites are kept beyond this session.
    public var effects: EffectFiles?
    /// The folder of the store that keeps trials beyond this session.
    public var trialFolder: String?
    /// Where this machine's times are kept beyond this session.
    public var machine: MachineFiles?
    /// Starts a search; none can be asked for without it.
    public var startSearch:
      (@Sendable (SearchWish, SearchResources) throws -> any BackgroundSearch)?
    /// The same for an ONNX model.
    public var startGraphSearch:
      (@Sendable (SearchWish, GraphSearchResources) throws -> any BackgroundSearch)?
    /// The labelled images that plans of an ONNX model are measured on; `nil` where there are none.
    public var images: (@Sendable (GraphModel) throws -> LabelledImages?)?
    /// Statistics of an ONNX model's inputs, from a calibration.
    public var graphCalibration: (@Sendable (GraphModel) throws -> GraphCalibrationFile?)?
    /// Turns an error into the sentence a person reads.
    public var describe: @Sendable (any Error) -> String

    public init(
      textPath: String, tokenLimit: Int = 32_768, windowLength: Int = 512, memoryByteCount: Int,
      calibrationPath: String? = nil, niceness: Int32 = 10,
      describe: @escaping @Sendable (any Error) -> String
    ) {
      self.textPath = textPath
      self.tokenLimit = tokenLimit
      self.windowLength = windowLength
      self.memoryByteCount = memoryByteCount
      self.calibrationPath = calibrationPath
      self.niceness = niceness
      self.describe = describe
    }
  }

  private let inbox = EngineInbox()
  private let current = Mutex<(any InstantPredictor)?>(nil)

  /// Starts opening the model at `path`; `emit` is called from the engine's thread.
  public init(
    path: String, options: Options, emit: @escaping @Sendable (EngineEvent) -> Void
  ) {
    let inbox = inbox
    DedicatedThread.start(niceness: options.niceness) { [weak self] in
      let publish: (any InstantPredictor) -> Void = { predictor in
        self?.current.withLock { $0 = predictor }
      }
      if GraphModel.accepts(path: path) {
        GraphEngineRun(path: path, options: options, inbox: inbox, emit: emit)
          .live(publish: publish)
      } else {
        EngineRun(path: path, options: options, inbox: inbox, emit: emit).live(publish: publish)
      }
    }
  }

  deinit {
    inbox.close()
  }

  /// Leaves a wish; returns at once.
  public func send(_ request: EngineRequest) {
    inbox.post(request)
  }

  /// Answers within a frame; `nil` until the reference has been run on the probe.
  public var predictor: (any InstantPredictor)? { current.withLock { $0 } }

  /// Ends the work within one operation of the graph.
  public func shutDown() {
    inbox.close()
  }
}

/// Why a what-if of a classifier cannot be answered.
public enum WhatIfError: Error, Hashable, Sendable {
  /// The model has no convolution whose output could be masked.
  case noConvolutions
  /// The graph makes no value of this name.
  case noSuchValue(String)
  /// No value inside the graph can have an exit.
  case noExits
  /// An exit needs 32-bit floats: images × features, × tokens × features or × channels × planes.
  case unusableValue(String, shape: [Int])
  /// Too few images to fit on and to judge by.
  case tooFewImages(Int, needed: Int)
}

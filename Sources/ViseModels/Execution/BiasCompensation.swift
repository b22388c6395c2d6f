import ViseCompression
import ViseFormats
import ViseTensor

extension Plan {
  /// The site of `sites` whose treatment corrects the bias `key`; `nil` where none does.
  func correction(
    ofBias key: String, among sites: [Site]
  ) -> (site: Site, treatment: Treatment)? {
    for site in sites where site.bias == key {
      if let treatment = change(of: site), treatment.correctsBias { return (site, treatment) }
    }
    return nil
  }
}

extension SiteReducer {
  /// The bias of `site` that takes up the mean error of its outputs, as an exported file holds it.
  ///
  /// It has the length of the source's: channels that go are taken off by what writes it.
  func correctedBias(of site: Site, _ treatment: Treatment, work: RowWork) throws -> Matrix {
    guard let key = site.bias, let record = model.checkpoint.record(named: key) else {
      throw ModelError.missingWeight(site.bias ?? site.name)
    }
    guard let type = FloatType(record.type) else {
      throw failure(.unsuitable("its bias is stored as \(record.type.name)"), site, treatment)
    }
    guard let mean = try calibration?.statistics(of: site)?.mean, mean.count == site.columns else {
      throw failure(.needsCalibration(method: "bias=correct"), site, treatment)
    }
    let bias = try model.decodeWeight(key)
    let correction = BiasCorrection.correction(
      weight: try weight(site.name), decoded: try values(site, treatment, work: work), mean: mean)
    for index in correction.indices { bias.pointer[index] += correction[index] }
    let storage = model.storages[key] ?? .plain
    let bytes = try type.encode(storage.store(bias))
    return try withExtendedLifetime(bytes) {
      try type.storage.decode(
        $0.bytes, into: UnsafeMutableBufferPointer(start: bias.pointer, count: bias.count))
      return storage.restore(bias)
    }
  }
}

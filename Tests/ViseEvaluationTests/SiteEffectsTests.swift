import Glibc
import Testing
import ViseCompression
import ViseTensor

@testable import ViseEvaluation

/// How many effects are kept.
struct SiteEffectsTests {
  private static let site = Site(
    index: 0, name: "blk.0.ffn_up.weight", role: .ffnUp, block: 0, rows: 64, columns: 64,
    stored: .f16)
  private static let effect = SiteEffect(
    shift: FeatureShift(words: [1]), drawnShifts: [], kl: MeanInterval(mean: 1, interval: nil))

  private static func pruned(_ percent: Int) -> Treatment {
    Treatment(sparsity: Sparsity(ratio: Double(percent) / 100, pattern: .unstructured))
  }

  private static func isKnown(_ treatment: Treatment, _ effects: SiteEffects) -> Bool {
    effects.measured(site: 0, treatment: treatment) != nil
  }

  @Test func ofTreatmentsWithoutEndOnlyThoseOfUseLastAreKept() {
    let effects = SiteEffects(standing: [.ggml(.q4_0)], capacity: 4)
    for percent in 1...4 {
      effects.insert(Self.effect, site: Self.site, treatment: Self.pruned(percent))
    }
    #expect(effects.use(site: 0, treatment: Self.pruned(1)))
    for percent in 5...7 {
      effects.insert(Self.effect, site: Self.site, treatment: Self.pruned(percent))
    }
    let kept = (1...7).filter { Self.isKnown(Self.pruned($0), effects) }
    #expect(kept == [1, 5, 6, 7])
    #expect(!effects.use(site: 0, treatment: Self.pruned(2)))
  }

  @Test func standingFormatsStayAndOthersDoNot() {
    let effects = SiteEffects(standing: [.ggml(.q4_0)], capacity: 2)
    let format = Treatment(format: .ggml(.q4_0))
    effects.insert(Self.effect, site: Self.site, treatment: format)
    for percent in 1...9 {
      effects.insert(Self.effect, site: Self.site, treatment: Self.pruned(percent))
    }
    #expect(Self.isKnown(format, effects))
    let other = Treatment(format: .ggml(.q4_1))
    let chosen = Treatment(format: .ggml(.q4_0), method: .gptq)
    for treatment in [other, chosen, Self.pruned(20), Self.pruned(30)] {
      effects.insert(Self.effect, site: Self.site, treatment: treatment)
    }
    #expect(Self.isKnown(format, effects))
    #expect(!Self.isKnown(other, effects) && !Self.isKnown(chosen, effects))
  }

  @Test func whatIsForgottenAndComesBackCountsOnceForOtherSites() throws {
    let other = Site(
      index: 1, name: "blk.1.ffn_up.weight", role: .ffnUp, block: 1, rows: 64, columns: 64,
      stored: .f16)
    func prior(_ effects: SiteEffects) throws -> Double {
      guard case .prior(let kl)? = effects.known(other, Treatment(format: .ggml(.q4_0))) else {
        Issue.record("nothing is known of another site of this role")
        return 0
      }
      return kl
    }
    func effect(_ kl: Double) -> SiteEffect {
      SiteEffect(
        shift: FeatureShift(words: []), drawnShifts: [], kl: MeanInterval(mean: kl, interval: nil))
    }
    let bounded = SiteEffects(standing: [.ggml(.q4_0)], capacity: 2)
    for percent in [10, 20, 30, 10, 20, 30, 40] {
      let kl = Double(percent * percent)
      bounded.insert(effect(kl), site: Self.site, treatment: Self.pruned(percent))
    }
    let fresh = SiteEffects(standing: [.ggml(.q4_0)], capacity: 2)
    for percent in [30, 40] {
      let kl = Double(percent * percent)
      fresh.insert(effect(kl), site: Self.site, treatment: Self.pruned(percent))
    }
    #expect(abs(log(try prior(bounded) / prior(fresh))) < 1e-9)
  }
}

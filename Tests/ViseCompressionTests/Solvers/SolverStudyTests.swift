import Testing
import ViseCompression
import ViseTensor

@Suite struct SolverStudyTests {
  @Test func everyPartIsTimed() throws {
    let formats: [NumberFormat] = [.ggml(.q4_K), .ggml(.q4_0)]
    let figures = try SolverStudy(rows: 32, columns: 512, seed: 3).figures(formats)
    #expect(figures.map(\.format) == formats)
    for figure in figures {
      #expect(figure.factor > .zero && figure.updates > .zero && figure.total > .zero)
    }
  }
}

import FoundationEssentials
import GRDB

/// A trial as a row of the table.
enum TrialRow {
  /// Takes the place of an earlier row with the same key; what had been predicted stays unless the
  /// new row has a prediction too.
  static let insertion = """
    INSERT INTO trial (
      model, setting, plan_hash, text, code, plan, kl_mean, kl_lower, kl_upper, kl_level,
      perplexity_ratio, agreement, tokens, probe, predicted_head, predicted_instant,
      predicted_run, alone, origin, date
    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (model, setting, plan_hash, text, code) DO UPDATE SET
      plan = excluded.plan, kl_mean = excluded.kl_mean, kl_lower = excluded.kl_lower,
      kl_upper = excluded.kl_upper, kl_level = excluded.kl_level,
      perplexity_ratio = excluded.perplexity_ratio, agreement = excluded.agreement,
      tokens = excluded.tokens, origin = excluded.origin, date = excluded.date,
      predicted_head = IIF(excluded.probe IS NULL, predicted_head, excluded.predicted_head),
      predicted_instant =
        IIF(excluded.probe IS NULL, predicted_instant, excluded.predicted_instant),
      predicted_run = IIF(excluded.probe IS NULL, predicted_run, excluded.predicted_run),
      alone = IIF(excluded.probe IS NULL, alone, excluded.alone),
      probe = COALESCE(excluded.probe, probe)
    """

  static func arguments(_ trial: Trial) throws -> StatementArguments {
    let values: [(any DatabaseValueConvertible)?] = [
      trial.key.model, trial.key.setting, trial.key.plan, trial.key.text, trial.key.code,
      trial.plan, trial.klMean.value, trial.klMean.lower, trial.klMean.upper, trial.klMean.level,
      try json(trial.perplexityRatio), try json(trial.agreement), trial.tokenCount,
      trial.prediction?.probe, trial.prediction?.throughHead, trial.prediction?.instant,
      trial.prediction?.run, try json(trial.prediction?.alone), trial.origin, trial.date,
    ]
    return StatementArguments(values)
  }

  /// The trial in `row`; `nil` where its text cannot be read.
  static func trial(_ row: Row) throws -> Trial {
    var prediction: TrialPrediction?
    if let probe: String = row["probe"], let head: Double = row["predicted_head"],
      let instant: Double = row["predicted_instant"]
    {
      prediction = TrialPrediction(
        probe: probe, throughHead: head, instant: instant, run: row["predicted_run"],
        alone: try value([String: TrialPrediction.SiteShare].self, row["alone"]) ?? [:])
    }
    return Trial(
      key: TrialKey(
        model: row["model"], setting: row["setting"], plan: row["plan_hash"], text: row["text"],
        code: row["code"]),
      plan: row["plan"],
      klMean: TrialFigure(
        value: row["kl_mean"], lower: row["kl_lower"], upper: row["kl_upper"],
        level: row["kl_level"]),
      perplexityRatio: try value(TrialFigure.self, row["perplexity_ratio"]),
      agreement: try value(TrialFigure.self, row["agreement"]), tokenCount: row["tokens"],
      prediction: prediction, origin: row["origin"], date: row["date"])
  }

  private static func json(_ value: (some Encodable)?) throws -> String? {
    try value.map { String(decoding: try JSONEncoder().encode($0), as: UTF8.self) }
  }

  private static func value<Value: Decodable>(
    _ type: Value.Type, _ text: String?
  ) throws -> Value? {
    try text.map { try JSONDecoder().decode(type, from: Data($0.utf8)) }
  }
}

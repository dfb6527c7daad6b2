extension Row {
  /// J[l][i] = ∂p_l/∂a_i = p_l (1[l=i] - p_i) / T. Rational only for a level slice or a masked class.
  func jacobian(_ l: Int, _ i: Int, _ poll: inout Poll) throws(ComputationError) -> A.Real {
    l == i ? try variance(l, &poll) : -(try product(l, i, &poll))
  }

  /// p_l p_i / T. Where both classes are near the maximum, with n p_i = 1 + y_i (``excess(_:_:)``), it is
  /// [1 + y_l + y_i (1 + y_l)] / (n² T): an exact part, and a tail whose sign shows when the exact part is half-way between two
  /// results.
  func product(_ l: Int, _ i: Int, _ poll: inout Poll) throws(ComputationError) -> A.Real {
    guard near > 1, isNear(l), isNear(i) else {
      return perTemperature(try probability(l, &poll) * probability(i, &poll))
    }
    let one = arithmetic.whole(1)
    guard near > 2 || l == i else {
      // The two near classes' tails 0 and x cancel: with the other classes' sum F it is -F/S (2 - F/S) - (x/S)².
      let far = farTail * inverse
      let x = nearTail * inverse
      return perSquare(one - (far * (arithmetic.whole(2) - far) + x * x))
    }
    let y = try excess(l, &poll)
    return perSquare(one + (y + (try excess(i, &poll)) * (one + y)))
  }

  /// p_l (1 - p_l) / T, near the maximum as [(n - 1) + y (n - 2 - y)] / (n² T), else as e_l Σ_{j≠l} e_j / (S² T): nothing
  /// cancels.
  private func variance(_ l: Int, _ poll: inout Poll) throws(ComputationError) -> A.Real {
    guard near > 1, isNear(l) else {
      return perTemperature(try probability(l, &poll) * (try others(than: l, &poll) * inverse))
    }
    let y = try excess(l, &poll)
    return perSquare(arithmetic.whole(near - 1) + y * (arithmetic.whole(near - 2) - y))
  }

  /// y_i = n p_i - 1 = (n x_i - X) / S of a class near the maximum, with n = Σ b and X = Σ x.
  func excess(_ i: Int, _ poll: inout Poll) throws(ComputationError) -> A.Real {
    (arithmetic.whole(near) * (try tail(i, &poll)) - tail) * inverse
  }

  /// x / (n² T).
  private func perSquare(_ x: A.Real) -> A.Real {
    let square = arithmetic.whole(near * near)
    return x / (slice.temperature == 1 ? square : square * arithmetic.exact(slice.temperature))
  }
}

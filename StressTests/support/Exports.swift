// Whoever uses the support of the programs draws numbers.
@_exported public import SeededNumbers

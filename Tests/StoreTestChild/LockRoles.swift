/// Roles for the tests of FileLocking.
let lockRoles: [String: Role] = [:]

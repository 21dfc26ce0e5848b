/// Roles for the tests of SQLiteStorage.
let storageRoles: [String: Role] = [:]
